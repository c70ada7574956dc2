// Writes one document down as plain data: elements with what a person sees of them (values, ticks,
// open shadow roots), texts, and the style sheets that reach it. Nothing that acts, loads or was
// hidden on purpose comes along: no script, handler, foreign address, password or hidden field.
// Reads only; leaves nothing in the page. automation/recording.py reads the answer.
//
// ask.sheets: texts of style sheets that a document may not read itself, by address.
// ask.marks: [element, word] pairs; the element gets the attribute data-leads with that word.
// An element is { t: tag, a: [[name, value]], c: children, s: shadow children, f: frame number }.
(ask) => {
  "use strict";
  const GONE = new Set(["script", "noscript", "template", "link", "meta", "base", "object", "embed",
    "source", "track", "param", "style", "title", "area", "portal", "fencedframe"]);
  const DROPPED = new Set(["src", "srcset", "sizes", "srcdoc", "nonce", "integrity", "crossorigin",
    "action", "formaction", "ping", "poster", "background", "data", "cite", "manifest", "usemap",
    "http-equiv", "popover", "autofocus", "download", "autoplay", "value", "checked", "selected",
    "shadowrootmode", "jsaction", "itemid", "longdesc", "profile", "codebase", "classid", "archive"]);
  const DRAWN = new Set(["img", "video", "audio", "canvas", "iframe", "frame"]);
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  const sheets = ask.sheets || {}, marks = new Map(ask.marks || []);
  const frames = [], unread = new Set(), traits = new Set();

  // ---- style: only the rules that reach something here, without anything that loads
  const harmless = (text) => text
    .replace(/url\(\s*(?:"[^"]*"|'[^']*'|[^)]*)\s*\)/gi, 'url("data:,")')
    .replace(/(?:https?:)?\/\/[^\s"')]+/gi, "");
  const STATES = /:(?:hover|focus|focus-visible|focus-within|active|visited|link|target)\b/g;
  const PARTS = /::?(?:before|after|placeholder|selection|marker|backdrop|first-line|first-letter)\b/g;
  const reaches = (root, selector) => {
    const bare = selector.replace(PARTS, "").replace(STATES, "").trim();
    if (!bare || bare.includes(":host") || bare.includes("::")) return true;
    try {
      return root.querySelector(bare) !== null;
    } catch {
      return true;
    }
  };
  const written = (root, rules) => {
    let text = "";
    for (const rule of rules) {
      const kind = rule.constructor.name;
      if (kind === "CSSFontFaceRule" || kind === "CSSNamespaceRule") continue;
      if (kind === "CSSImportRule") text += rule.styleSheet ? ofSheet(root, rule.styleSheet) : "";
      else if (kind === "CSSStyleRule") {
        // Without scripts no custom element is ever defined; what waits for that would stay away.
        if (rule.selectorText.includes(":not(:defined)")) continue;
        if (!reaches(root, rule.selectorText)) continue;
        text += rule.cssText.replaceAll(":defined", "") + "\n";
      } else if (rule.cssRules && kind !== "CSSKeyframesRule") {
        const inner = written(root, rule.cssRules);
        if (inner) text += `${rule.cssText.slice(0, rule.cssText.indexOf("{"))}{\n${inner}}\n`;
      } else text += rule.cssText + "\n";
    }
    return text;
  };
  const rulesOf = (sheet) => {
    try {
      return sheet.cssRules;
    } catch {
      const text = sheets[sheet.href];
      if (text === undefined) {
        unread.add(sheet.href);
        return [];
      }
      const copy = new CSSStyleSheet();
      copy.replaceSync(text);
      return copy.cssRules;
    }
  };
  const ofSheet = (root, sheet) => {
    if (sheet.disabled) return "";
    const text = written(root, rulesOf(sheet)), media = sheet.media.mediaText;
    return text && media ? `@media ${media} {\n${text}}\n` : text;
  };
  const styleOf = (root) => {
    let text = "";
    for (const sheet of [...root.styleSheets, ...root.adoptedStyleSheets]) text += ofSheet(root, sheet);
    return text ? [{ t: "style", a: [], c: [harmless(text)] }] : [];
  };

  // ---- elements
  const hears = (el) => {
    try {
      if (typeof el.onclick === "function") return true;
      const kept = [...Object.getOwnPropertyNames(el), ...Object.getOwnPropertySymbols(el)];
      for (const key of kept) {
        const name = typeof key === "symbol" ? key.description || "" : key;
        if (name.startsWith("__react")) traits.add("react");
        if (name.startsWith("__vue") || name === "_vei") traits.add("vue");
        const props = name.startsWith("__reactProps") || name.startsWith("__reactEventHandlers");
        if ((props || name === "_vei") && el[key] && el[key].onClick) return true;
      }
    } catch { /* an element that guards itself has no handler that could be seen */ }
    return false;
  };
  const link = (el, value) => {
    if (value.startsWith("#")) return value;
    try {
      const to = new URL(value, document.baseURI);
      if (to.origin === location.origin) return to.pathname + to.search + to.hash;
      return to.protocol.startsWith("http") ? "https://elsewhere.invalid/" : "#";
    } catch {
      return "#";
    }
  };
  const attributesOf = (el, tag) => {
    const kept = [];
    let style = "";
    for (const { name, value } of el.attributes) {
      const plain = name.toLowerCase();
      if (plain.startsWith("on") || DROPPED.has(plain)) continue;
      if (plain === "style") style = harmless(value);
      else if (plain === "href" || plain === "xlink:href") {
        if (tag === "a" || value.startsWith("#")) kept.push([name, link(el, value)]);
      } else kept.push([name, value]);
    }
    const drawn = DRAWN.has(tag) && el.getClientRects().length;
    if (drawn) style += `;width:${el.clientWidth}px;height:${el.clientHeight}px`;
    let over = false; // what the browser put over everything, a mere attribute would not
    try {
      over = el.matches("dialog:modal, :popover-open");
    } catch { /* a browser that does not know the word */ }
    if (over) style += ";display:block;position:fixed;inset:0;margin:auto;z-index:2147483647";
    if (style) kept.push(["style", style.replace(/^;/, "")]);
    if (tag === "img") kept.push(["src", BLANK]);
    if (hears(el)) kept.push(["jsaction", "recorded"]); // a sign of a control, without its code
    if (marks.has(el)) kept.push(["data-leads", marks.get(el)]);
    return kept;
  };
  const valueOf = (el, tag, kept) => {
    if (tag === "option" && el.selected) kept.push(["selected", ""]);
    if (tag !== "input") return;
    if (el.type === "checkbox" || el.type === "radio") {
      if (el.checked) kept.push(["checked", ""]);
      kept.push(["value", el.getAttribute("value") || "on"]);
    } else if (el.type !== "password" && el.type !== "file") kept.push(["value", el.value]);
  };
  const childrenOf = (node) => {
    const kept = [];
    for (const child of node.childNodes) {
      if (child.nodeType === 3) kept.push(child.nodeValue);
      else if (child.nodeType === 1) {
        const one = visit(child);
        if (one) kept.push(one);
      }
    }
    return kept;
  };
  const visit = (el) => {
    const tag = el.localName;
    if (GONE.has(tag) || (tag === "input" && el.type === "hidden")) return null;
    const one = { t: tag, a: attributesOf(el, tag), c: [] };
    valueOf(el, tag, one.a);
    if (tag.includes("-")) traits.add(tag);
    if (typeof el.className === "string") {
      const family = /(?:^|\s)([a-z]{2})-[a-z]+/.exec(el.className);
      if (family) traits.add(`.${family[1]}`);
    }
    if (tag === "textarea") one.c = [el.value];
    else if (tag === "iframe" || tag === "frame") one.f = frames.push(el) - 1;
    else if (!DRAWN.has(tag)) one.c = childrenOf(el);
    if (el.shadowRoot) one.s = [...styleOf(el.shadowRoot), ...childrenOf(el.shadowRoot)];
    return one;
  };

  const root = document.documentElement;
  const head = { t: "head", a: [], c: styleOf(document) };
  const body = document.body ? visit(document.body) : { t: "body", a: [], c: [] };
  const data = JSON.stringify({
    html: { t: "html", a: attributesOf(root, "html"), c: [head, body] },
    title: document.title,
    language: root.lang || "",
    quirks: document.compatMode !== "CSS1Compat",
    unread: [...unread],
    traits: [...traits],
  });
  return { frames, data };
}
