// Shows the drift benchmark's pages and changes them, a generation at a time, as sites change.
// What an element is stays in a WeakMap in here: no attribute, nothing a finder could read.
// Answer: an object of functions, kept by handle; nothing is put on the page's window.
(words) => {
  "use strict";
  const VERSIONS = ["1-1-1m", "1-2-0m", "2-0-17", "3-1-4b"];
  const PARTS = { button: 1, tab: 1, link: 1, card: 0, text: 0 };
  const notes = new WeakMap(), copies = new WeakMap();
  let docs = [], styles = {}, sheets = [], state = null, random = Math.random, wraps = 0;

  const note = (el) => notes.get(el) || {};
  const chance = (share) => random() < share;
  const pick = (list) => list[Math.floor(random() * list.length)];
  const seeded = (seed) => () => { // mulberry32
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const hash = () => Math.floor(random() * 0xfffffff).toString(36);

  const define = (view) => {
    for (const version of VERSIONS) for (const part of Object.keys(PARTS)) {
      const name = `ks-${part}-${version}`;
      if (view.customElements.get(name)) continue;
      view.customElements.define(name, class extends view.HTMLElement {
        connectedCallback() {
          if (this.shadowRoot) return;
          const inner = PARTS[part] ? "button" : "div";
          this.attachShadow({ mode: "open" }).innerHTML = `<${inner} part="base"><slot></slot></${inner}>`;
        }
      });
    }
  };
  const paint = () => {
    const text = Object.entries(styles).map(([name, rules]) => `.${CSS.escape(name)}{${rules}}`).join("\n");
    for (const sheet of sheets) sheet.replaceSync(text);
  };
  const all = () => {
    const found = [];
    const walk = (root) => {
      for (let el = root.firstElementChild; el; el = el.nextElementSibling) {
        if (el.localName === "iframe") { walk(el.contentDocument.body); continue; }
        found.push(el);
        if (el.shadowRoot) walk(el.shadowRoot);
        walk(el);
      }
    };
    walk(document.body);
    return found;
  };
  const textNode = (el) => {
    const walker = el.ownerDocument.createTreeWalker(el, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (walker.currentNode.data.trim()) return walker.currentNode;
    return null;
  };
  const textOf = (el) => el.localName === "input" ? el.value : ((textNode(el) || {}).data || "");
  const say = (el, text) => {
    if (el.localName === "input") { el.value = text; el.setAttribute("value", text); }
    else { const node = textNode(el); if (node) node.data = text; else el.append(text); }
  };
  const handle = (el) => { el["__reactProps$x1y2z3"] = { onClick: () => undefined }; };
  const learn = (el) => {
    const told = { keys: new Set() };
    for (const token of el.getAttribute("d").split(/\s+/)) {
      if (token.startsWith("k:")) told.word = token.slice(2);
      else if (token.startsWith("a:")) told.label = token.slice(2);
      else if (token) told[token] = true;
    }
    el.removeAttribute("d");
    notes.set(el, told);
    if (told.react) handle(el);
    if (told.T) state.target = el;
    if (told.H) state.heading = el;
    if (told.S) state.section = el;
  };

  const show = (base, seed) => {
    random = seeded(seed);
    styles = { ...base.styles };
    state = { language: "en", target: null, heading: null, section: null, log: [], reworded: {} };
    scrollTo(0, 0);
    document.body.innerHTML = base.outer;
    docs = [document];
    const frame = document.querySelector("iframe");
    if (frame) {
      docs.push(frame.contentDocument);
      frame.contentDocument.body.innerHTML = base.inner;
    }
    sheets = [];
    for (const doc of docs) {
      define(doc.defaultView);
      const sheet = new doc.defaultView.CSSStyleSheet();
      doc.adoptedStyleSheets = [sheet];
      sheets.push(sheet);
      for (const el of doc.querySelectorAll("[d]")) learn(el);
    }
    paint();
  };

  // ---- one kind of change each -----------------------------------------------------------
  const translate = () => {
    const language = pick(Object.keys(words.languages).filter((l) => l !== state.language));
    const told = { ...words.english, ...words.languages[language] };
    state.language = language;
    state.reworded = {};
    for (const el of all()) {
      const { word, label } = note(el);
      if (word) say(el, told[word]);
      if (label && el.hasAttribute("aria-label")) el.setAttribute("aria-label", told[label]);
    }
  };
  const reworded = (key, text) => {
    const list = state.language === "en" && words.reworded[key];
    if (list) return pick(list);
    return pick([text.toUpperCase(), `${text} \u2192`, `${text}\u2026`, ` ${text} `]);
  };
  const reword = () => {
    for (const el of all()) {
      const told = note(el);
      if (!told.word || !chance(words.rates.text)) continue;
      say(el, reworded(told.word, textOf(el)));
      if (told.T || told.H) state.log.push(`text:${textOf(el)}`);
    }
  };
  const renameClasses = () => {
    const fates = new Map();
    for (const el of all()) {
      const given = el.getAttribute("class");
      if (!given) continue;
      const template = el.localName + " " + given;
      // Three in four changes take all elements of a template, as a release does.
      if (!fates.has(template)) fates.set(template, chance(words.rates.class * 0.75) ? hash() : "");
      const mine = fates.get(template) || (chance(words.rates.class * 0.25) ? hash() : "");
      if (!mine) continue;
      const names = given.split(/\s+/).filter(Boolean), old = names[0];
      if (mine.charCodeAt(mine.length - 1) % 3 === 0) names.push("is-" + mine);
      else {
        const fresh = names[0] = old.split(/[-_]/)[0] + "-" + mine;
        if (styles[old]) styles[fresh] = styles[old];
      }
      el.setAttribute("class", names.join(" "));
    }
    paint();
  };
  const renameIds = () => {
    for (const el of all()) for (const name of ["id", "data-testid", "name"]) {
      if (!el.hasAttribute(name) || !chance(words.rates.id)) continue;
      if (chance(0.3)) el.removeAttribute(name);
      else el.setAttribute(name, pick(["", "x-", "v2-"]) + hash());
    }
  };
  const relabel = () => {
    for (const el of all()) {
      const said = el.getAttribute("aria-label");
      if (!said || !chance(words.rates.aria)) continue;
      const other = pick(["", said.toLowerCase(), `${said} button`, "Action", `btn-${hash()}`, textOf(el)]);
      if (other) el.setAttribute("aria-label", other); else el.removeAttribute("aria-label");
      if (note(el).T) state.log.push(`aria:${other}`);
    }
  };
  const TABLE = { tr: 1, td: 1, th: 1, tbody: 1, thead: 1, li: 1, legend: 1, body: 1, html: 1, slot: 1 };
  const wrappable = (el) => !TABLE[el.localName] && el.parentNode &&
    !el.querySelector("iframe") && !(el.parentNode.nodeType === 11);
  const wrap = (el) => {
    if (!wrappable(el)) return;
    const inline = /^(span|a|b|i|button|input)$/.test(el.localName) || note(el).c;
    const outer = el.ownerDocument.createElement(inline ? pick(["div", "span", "div"]) : "div");
    if (chance(0.7)) outer.className = "w-" + hash();
    el.before(outer);
    outer.append(el);
    if (inline && outer.localName === "div") outer.style.display = "inline-block";
  };
  const within = (root, el) => { for (; el; el = el.parentNode || el.host) if (el === root) return true; return false; };
  const wrapSome = () => {
    if (chance(words.rates.wrapper)) {
      const line = [];
      for (let el = state.target; el && el.nodeType === 1 && el.localName !== "body"; el = el.parentNode) {
        if (wrappable(el)) line.push(el);
      }
      if (line.length) wrap(pick(line));
    }
    for (const el of all()) {
      const told = note(el);
      if ((told.c || told.h || told.r) && !told.T && !within(el, state.target) && chance(words.rates.wrapper)) wrap(el);
    }
  };
  const shuffle = (els) => {
    const spots = els.map((el) => {
      const spot = el.ownerDocument.createComment("");
      el.before(spot);
      return spot;
    });
    for (let i = els.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [els[i], els[j]] = [els[j], els[i]];
    }
    spots.forEach((spot, i) => spot.replaceWith(els[i]));
  };
  const outermost = (el) => { // up to where siblings of its kind begin
    while (el.parentNode && el.parentNode.nodeType === 1 && el.parentNode.children.length === 1) el = el.parentNode;
    return el;
  };
  const move = () => {
    if (!chance(words.rates.moved)) return;
    const row = rowOf(state.target), doc = state.target.ownerDocument;
    const how = pick(["row", "sections", "banner", "prose", "order"]);
    if (how === "row") shuffle([...row.children]);
    if (how === "sections" && state.section) {
      const peers = [...doc.querySelectorAll("*")].filter((el) => note(el).s)
        .map((el) => (el.parentNode === state.section.parentNode ? el : null)).filter(Boolean);
      shuffle(peers);
    }
    if (how === "banner") {
      const bar = doc.createElement("div");
      bar.style.cssText = `padding:${10 + Math.floor(random() * 60)}px;background:#eef`;
      bar.textContent = words.english.banner;
      doc.body.prepend(bar);
    }
    if (how === "prose") row.before(paragraph(doc, pick(words.filler)));
    const before = row.previousElementSibling; // a text: a heading stays where it is
    if (how === "order" && before && !note(before).h && !before.querySelector("*")) before.before(row);
  };
  const rowOf = (el) => {
    for (let n = el; n; n = n.parentNode || n.host) if (note(n).r) return n;
    return el.parentNode;
  };
  const paragraph = (doc, text) => {
    const p = doc.createElement(pick(["p", "div", "span"]));
    if (p.localName === "span") p.style.display = "block";
    p.textContent = text;
    return p;
  };
  const retag = (el, tag, attributes) => {
    const fresh = el.ownerDocument.createElement(tag);
    for (const { name, value } of el.attributes) fresh.setAttribute(name, value);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) fresh.removeAttribute(name); else fresh.setAttribute(name, value);
    }
    const told = note(el);
    if (el.localName === "input") { fresh.removeAttribute("value"); fresh.removeAttribute("type"); fresh.append(el.value); }
    else fresh.append(...el.childNodes);
    el.replaceWith(fresh);
    notes.set(fresh, told);
    if (told.react && tag !== "button") handle(fresh);
    if (told.T) state.target = fresh;
    if (told.H) state.heading = fresh;
    if (told.S) state.section = fresh;
    return fresh;
  };
  const POINTED = (el) => ({ style: (el.getAttribute("style") || "") + ";cursor:pointer;display:inline-block" });
  const HEADINGS = [["h2", {}], ["h4", {}], ["div", { role: "heading", style: "font-size:18px" }],
    ["div", { style: "font:600 17px sans-serif" }]];
  const changeTags = () => {
    // A level is a template's: a heading that alone became an h2 would hold the sections after it.
    const everyHeading = chance(words.rates.tag) ? pick(HEADINGS) : null;
    for (const el of all()) {
      const told = note(el);
      if (el.localName.startsWith("ks-") || told.hidden) continue;
      if (told.c && el.getAttribute("role") !== "tab" && chance(words.rates.tag)) {
        if (told.T) state.log.push("tag");
        const how = pick(["button", "role", "link", "box"]);
        if (how === "button" && el.localName !== "button") retag(el, "button", { role: null, tabindex: null, href: null });
        else if (how === "role") retag(el, "div", { role: "button", tabindex: "0", href: null, ...POINTED(el) });
        else if (how === "link") retag(el, "a", { role: "button", href: "#", tabindex: null });
        else if (how === "box") handle(retag(el, "div", { role: null, href: null, tabindex: null, ...POINTED(el) }));
      } else if (told.h && everyHeading && !/^(th|legend|button)$/.test(el.localName)) {
        retag(el, everyHeading[0], { role: null, ...everyHeading[1] });
      }
    }
    if (chance(0.3)) bumpVersion();
  };
  const bumpVersion = () => {
    const version = pick(VERSIONS);
    for (const el of all()) {
      const name = /^(ks-[a-z]+)-/.exec(el.localName);
      if (name) retag(el, `${name[1]}-${version}`, {});
    }
  };
  const copyOf = (el) => {
    const fresh = el.cloneNode(true);
    const walk = (from, to) => {
      if (notes.has(from)) notes.set(to, { ...notes.get(from), T: false, H: false, copy: true });
      if (note(from).react) handle(to);
      for (let i = 0; i < from.children.length; i++) walk(from.children[i], to.children[i]);
    };
    walk(el, fresh);
    fresh.removeAttribute("id");
    return fresh;
  };
  const HIDDEN = ["display:none", "visibility:hidden", "opacity:0", "position:absolute;left:-9999px",
    "position:absolute;width:1px;height:1px;overflow:hidden;padding:0;border:0;clip-path:inset(50%)"];
  const hiddenCopy = () => {
    const twin = copyOf(state.target);
    notes.get(twin).hidden = true; // no later change may bring it to light
    return twin;
  };
  const hideTwin = () => {
    if (!chance(words.rates.twin)) return;
    const twin = hiddenCopy(), box = state.target.ownerDocument.createElement("div");
    twin.style.cssText += ";" + pick(HIDDEN);
    box.append(twin);
    if (chance(0.5)) state.target.before(twin);
    else if (chance(0.5)) state.target.after(twin);
    else state.target.ownerDocument.body.prepend(box);
    state.log.push("twin");
  };
  const decoy = () => {
    if (!chance(words.rates.decoy)) return;
    const doc = state.target.ownerDocument;
    if (chance(0.35)) {
      rowOf(state.target).before(paragraph(doc, pick(words.prose)));
      return;
    }
    const other = copyOf(state.target), text = pick(words.decoys);
    say(other, text);
    notes.get(other).word = undefined;
    if (other.hasAttribute("aria-label")) other.setAttribute("aria-label", text);
    for (const name of ["data-testid", "name"]) if (other.hasAttribute(name)) other.setAttribute(name, hash());
    const spots = chance(0.6) ? [state.target] : all().filter((el) => note(el).c && !note(el).copy && !el.closest("[role=tablist]"));
    const spot = pick(spots.length ? spots : [state.target]);
    if (chance(0.5)) spot.before(other); else spot.after(other);
    state.log.push("decoy");
  };
  const shadowWrap = () => {
    if (!chance(words.rates.shadow)) return;
    const el = pick([state.target, outermost(state.target)]);
    if (!wrappable(el)) return;
    const host = el.ownerDocument.createElement(`x-box-${++wraps}`);
    el.before(host);
    const root = host.attachShadow({ mode: "open" });
    if (chance(0.5)) {
      root.innerHTML = "<div><slot></slot></div>";
      host.append(el);
    } else {
      root.adoptedStyleSheets = [sheets[docs.indexOf(el.ownerDocument)]];
      root.append(el);
    }
    host.style.display = "inline-block";
    state.log.push("shadow");
  };
  const generation = () => {
    state.log = [];
    if (chance(words.rates.language)) { translate(); state.log.push("language"); }
    reword(); renameClasses(); renameIds(); relabel(); changeTags(); wrapSome(); move(); decoy(); hideTwin(); shadowWrap();
    return all().length;
  };

  // ---- pages on which the right control is not there ---------------------------------------
  const swapped = (pairs) => {
    const undo = [];
    for (const doc of docs) {
      const roots = [doc, ...all().filter((el) => el.shadowRoot && el.ownerDocument === doc).map((el) => el.shadowRoot)];
      for (const root of roots) {
        const walker = doc.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) for (const [from, to] of pairs) {
          const at = walker.currentNode;
          if (!at.data.includes(from)) continue;
          const was = at.data;
          at.data = was.replaceAll(from, to);
          undo.push(() => { at.data = was; });
        }
      }
    }
    return () => undo.forEach((each) => each());
  };
  const absent = {
    removed() {
      const spot = document.createComment(""), el = state.target;
      el.replaceWith(spot);
      return () => spot.replaceWith(el);
    },
    "section removed"() {
      const el = state.section;
      if (!el) return absent.removed();
      const spot = document.createComment("");
      el.replaceWith(spot);
      return () => spot.replaceWith(el);
    },
    "another section's name"() {
      const was = textOf(state.heading);
      say(state.heading, pick(words.foreign));
      return () => say(state.heading, was);
    },
    "another pixel"() { return swapped(words.identity); },
    "another control in its place"() {
      const el = state.target, was = textOf(el), label = el.getAttribute("aria-label"), text = pick(words.decoys);
      say(el, text);
      if (label !== null) el.setAttribute("aria-label", text);
      return () => { say(el, was); if (label !== null) el.setAttribute("aria-label", label); };
    },
    "moved to another section"() {
      const el = state.target, doc = el.ownerDocument;
      const others = [...doc.querySelectorAll("*")].filter((r) => note(r).r && !within(r, el) && !(state.section && within(state.section, r)));
      if (!others.length) return absent.removed();
      const spot = document.createComment("");
      el.replaceWith(spot);
      pick(others).append(el);
      return () => spot.replaceWith(el);
    },
  };
  let undo = null;
  const remove = () => {
    const kind = pick(Object.keys(absent));
    undo = absent[kind]();
    return kind;
  };
  const restore = () => { undo(); undo = null; scrollTo(0, 0); };

  const describe = () => ({
    language: state.language, target: textOf(state.target), heading: textOf(state.heading),
    label: state.target.getAttribute("aria-label") || "", log: state.log,
    elements: all().length,
  });
  return {
    show, generation, remove, restore, describe, all,
    within, target: () => state.target, right: (el) => within(state.target, el),
    picked: () => {
      for (const doc of docs) {
        const view = doc.defaultView, el = view.driftPicked;
        delete view.driftPicked;
        if (el) return within(state.target, el);
      }
      return false;
    },
    page: () => docs.map((doc) => doc.body.innerHTML).join("\n\n"),
  };
}
