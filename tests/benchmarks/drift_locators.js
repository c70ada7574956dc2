// The ways to find an element again that pixelmint is measured against, each learned on the page
// before any change. All are given more than they have in life: they see through shadow roots and
// frames. A method answers with the element it would click: "right", "wrong", or "refused" where it
// finds none, more than one where it asks for one, or one that a driver would not click (hidden).
(drift) => {
  "use strict";
  const up = (n) => n.parentNode && n.parentNode.nodeType === 9
    ? n.ownerDocument.defaultView.frameElement : n.parentNode ? n.parentNode.host || n.parentNode : null;
  const spaces = (text) => (text || "").replace(/\s+/g, " ").trim();
  const visible = (el) => {
    const box = el.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && box.right + scrollX > 0 &&
      el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const textOf = (el) => {
    if (el.localName === "input") return el.value;
    const text = el.textContent; // what is visible of a long one costs much and tells little
    return spaces(text.length > 300 ? text.slice(0, 300) : el.innerText).slice(0, 120);
  };
  const step = (el) => {
    let n = 1;
    for (let s = el.previousElementSibling; s; s = s.previousElementSibling) if (s.localName === el.localName) n++;
    return `${el.localName}[${n}]`;
  };
  const ROLES = { button: "button", a: "link", input: "button" };
  const levenshtein = (a, b) => {
    if (a === b) return 1;
    const m = a.length, n = b.length;
    if (!m || !n) return 0;
    let row = new Uint16Array(n + 1), last = new Uint16Array(n + 1);
    for (let j = 0; j <= n; j++) last[j] = j;
    for (let i = 1; i <= m; i++) {
      row[0] = i;
      const c = a.charCodeAt(i - 1);
      for (let j = 1; j <= n; j++) {
        const cost = last[j - 1] + (c === b.charCodeAt(j - 1) ? 0 : 1);
        row[j] = cost < row[j - 1] + 1 ? (cost < last[j] + 1 ? cost : last[j] + 1) : Math.min(row[j - 1], last[j]) + 1;
      }
      [row, last] = [last, row];
    }
    return 1 - last[n] / Math.max(m, n);
  };
  const jaccard = (a, b) => {
    const one = new Set(a), two = new Set(b);
    let common = 0;
    for (const each of one) if (two.has(each)) common++;
    return common / (one.size + two.size - common || 1);
  };

  // Every element with what the methods compare.
  const gather = () => {
    const paths = new Map(), facts = [];
    for (const el of drift.all()) {
      const above = up(el), outer = above && paths.get(above);
      const xpath = (outer ? outer.xpath : "") + "/" + step(el);
      const id = el.id || "";
      const idxpath = id ? `//*[@id='${id}']` : (outer ? outer.idxpath : "") + "/" + step(el);
      const levels = [...(outer ? outer.levels : []), [el.localName, new Set(el.classList)]];
      const fact = { el, xpath, idxpath, levels };
      paths.set(el, fact);
      facts.push(fact);
    }
    const seen = facts.filter((each) => visible(each.el));
    const words = [];
    for (const each of seen) {
      const el = each.el, box = el.getBoundingClientRect(), frame = el.ownerDocument.defaultView.frameElement;
      const off = frame ? frame.getBoundingClientRect() : { left: 0, top: 0 };
      each.box = [box.left + off.left + scrollX, box.top + off.top + scrollY, box.width, box.height];
      each.text = textOf(el);
      each.seen = true;
      if (!el.firstElementChild && each.text) words.push([each.box, each.text.toLowerCase()]);
    }
    for (const each of seen) {
      const [x, y, w, h] = each.box;
      const near = h > 200 ? [] : words.filter(([b]) => b[0] < x + w + 50 && b[0] + b[2] > x - 50 && b[1] < y + h + 50 && b[1] + b[3] > y - 50);
      each.near = near.map((n) => n[1]).join(" ").split(" ").filter(Boolean);
    }
    for (const each of facts) properties(each);
    return facts;
  };
  const OTHERS = /^(data-|role$|tabindex$|style$)/;
  const properties = (each) => {
    const el = each.el, get = (name) => el.getAttribute(name) || "";
    each.tag = el.localName;
    each.classes = get("class");
    each.id = el.id || get("data-testid");
    each.name = get("name");
    each.href = get("href");
    each.alt = get("alt");
    each.aria = get("aria-label");
    each.type = get("type");
    each.role = get("role") || ROLES[el.localName] || "";
    each.button = each.role === "button" || /-button-/.test(el.localName);
    if (/^ks-(button|tab)-/.test(el.localName)) each.role = "button";
    each.called = spaces(each.aria || each.text || el.value || "").toLowerCase();
    each.others = [...el.attributes].filter((a) => OTHERS.test(a.name)).map((a) => `${a.name}=${a.value}`);
  };
  const similarity = (a, b) => {
    const equal = (x, y) => x && y ? (x.toLowerCase() === y.toLowerCase() ? 1 : 0) : 0;
    const lev = (x, y) => x && y ? levenshtein(x.toLowerCase(), y.toLowerCase()) : 0;
    const away = Math.hypot(a.box[0] - b.box[0], a.box[1] - b.box[1]);
    const area = (box) => box[2] * box[3], shape = (box) => box[2] / box[3];
    const ratio = (x, y) => Math.min(x, y) / Math.max(x, y);
    const common = a.near.length && b.near.length ? jaccard(a.near, b.near) : 0;
    const parts = {
      tag: equal(a.tag, b.tag), class: lev(a.classes, b.classes), name: equal(a.name, b.name), id: equal(a.id, b.id),
      href: lev(a.href, b.href), alt: lev(a.alt, b.alt), xpath: lev(a.xpath, b.xpath), idxpath: lev(a.idxpath, b.idxpath),
      button: a.button === b.button ? 1 : 0, location: Math.max(0, 100 - away) / 100,
      area: ratio(area(a.box), area(b.box)), shape: ratio(shape(a.box), shape(b.box)), text: lev(a.text, b.text), near: common,
    };
    const original = 1.5 * (parts.tag + parts.name + parts.id + parts.text + parts.near) + 0.5 *
      (parts.class + parts.href + parts.alt + parts.xpath + parts.idxpath + parts.button + parts.location + parts.area + parts.shape);
    const words = (x) => x ? x.toLowerCase().split(/\W+/) : [];
    const tuned = 2.85 * lev(a.name, b.name) + 2.8 * parts.text + 2.75 * (a.type && a.type === b.type ? 1 : 0) + 1.85 * parts.alt +
      1.8 * (a.others.length && b.others.length ? jaccard(a.others, b.others) : 0) + 1.45 * parts.near +
      1.2 * Math.exp(-away / 300) + 0.95 * parts.href + 0.9 * (a.aria && b.aria ? jaccard(words(a.aria), words(b.aria)) : 0) +
      0.8 * parts.tag + 0.5 * lev(a.id, b.id) + 0.45 * jaccard(a.idxpath.split("/"), b.idxpath.split("/")) +
      0.35 * (parts.area + parts.shape) / 2 + 0.1 * jaccard(a.xpath.split("/"), b.xpath.split("/"));
    return [original, tuned];
  };

  const METHODS = {
    "absolute XPath": (goal) => (each) => each.xpath === goal.xpath,
    "class path": (goal) => (each) => each.levels.length === goal.levels.length &&
      goal.levels.every(([tag, classes], i) => tag === each.levels[i][0] && [...classes].every((c) => each.levels[i][1].has(c))),
    "id, or path from one": (goal) => goal.id ? (each) => each.id === goal.id : (each) => each.idxpath === goal.idxpath,
    "role and name": (goal) => (each) => each.seen && (goal.role ? each.role === goal.role : !each.el.firstElementChild) &&
      each.called.includes(goal.called),
    "text alone": (goal) => (each) => each.seen && each.text === goal.text &&
      ![...each.el.children].some((inner) => spaces(inner.innerText) === goal.text),
  };
  let goal = null, places = {};
  const learn = () => {
    const facts = gather();
    goal = facts.find((each) => each.el === drift.target());
    places = {};
    for (const [name, method] of Object.entries(METHODS)) {
      const found = facts.filter(method(goal)), at = found.findIndex((each) => drift.right(each.el));
      places[name] = { at, many: found.length };
    }
  };
  const deepest = (doc, x, y) => {
    let hit = doc.elementFromPoint(x, y);
    while (hit && hit.shadowRoot) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === hit) break;
      hit = inner;
    }
    return hit;
  };
  const clicked = (el, there) => {
    if (!el || !visible(el)) return "refused";
    if (drift.right(el)) return there ? "right" : "wrong";
    if (there && drift.within(el, drift.target())) {
      el.scrollIntoView({ block: "center" });
      const box = el.getBoundingClientRect();
      const hit = deepest(el.ownerDocument, box.left + box.width / 2, box.top + box.height / 2);
      if (hit && drift.right(hit)) return "right";
    }
    return "wrong";
  };
  const locate = (there) => {
    const facts = gather(), answers = {};
    for (const [name, method] of Object.entries(METHODS)) {
      const { at, many } = places[name], found = facts.filter(method(goal));
      const one = at < 0 ? null : many > 1 ? found[at] : found.length === 1 ? found[0] : name === "text alone" ? found[0] : null;
      answers[name] = clicked(one && one.el, there);
    }
    let best = [-1, -1], els = [null, null];
    for (const each of facts) {
      if (!each.seen) continue;
      const scores = similarity(goal, each);
      for (const i of [0, 1]) if (scores[i] > best[i]) { best[i] = scores[i]; els[i] = each.el; }
    }
    answers["Similo, original weights"] = clicked(els[0], there);
    answers["Similo, tuned weights"] = clicked(els[1], there);
    scrollTo(0, 0);
    return answers;
  };
  return { learn, locate };
}
