// Writes down what a person could see in one document: elements and texts in the order of the
// composed tree (open shadow roots and slots included). Reads only; leaves nothing in the page.
// Built-ins are called through their prototypes, since pages name form fields "parentNode" and
// add to Array.prototype; an element that cannot be read is left out, so never clicked.
// Answer: { elements, data }; automation/controls_tree.py reads data. Style and boxes cost most
// of the time, so wrappers without text or attributes of interest are not measured.
(ask) => {
  "use strict";
  const FIELD = "\u001f", RECORD = "\u001e";
  const call = Reflect.apply, none = [];
  const getter = (proto, name) => {
    const found = Object.getOwnPropertyDescriptor(proto, name);
    if (!found || !found.get) return (on) => on[name];
    const get = found.get;
    return (on) => call(get, on, none);
  };
  const firstChild = getter(Node.prototype, "firstChild");
  const nextSibling = getter(Node.prototype, "nextSibling");
  const nodeType = getter(Node.prototype, "nodeType");
  const nodeValue = getter(Node.prototype, "nodeValue");
  const textContent = getter(Node.prototype, "textContent");
  const localName = getter(Element.prototype, "localName");
  const shadowRoot = getter(Element.prototype, "shadowRoot");
  const onclick = getter(HTMLElement.prototype, "onclick");
  const inputValue = getter(HTMLInputElement.prototype, "value");
  const areaValue = getter(HTMLTextAreaElement.prototype, "value");
  const inputLabels = getter(HTMLInputElement.prototype, "labels");
  const areaLabels = getter(HTMLTextAreaElement.prototype, "labels");
  const namesOf = Element.prototype.getAttributeNames, attribute = Element.prototype.getAttribute;
  const rootOf = Node.prototype.getRootNode, matches = Element.prototype.matches;
  const boxOf = Element.prototype.getBoundingClientRect, styleOf = window.getComputedStyle;
  const assigned = HTMLSlotElement.prototype.assignedNodes;

  const SKIP = { script: 1, style: 1, template: 1, noscript: 1, head: 1, meta: 1, link: 1,
    datalist: 1, object: 1, embed: 1, defs: 1, symbol: 1, path: 1, circle: 1, rect: 1, line: 1 };
  const FORM = { button: 1, input: 1, select: 1, textarea: 1, fieldset: 1, option: 1 };
  const MEASURED = { button: 1, input: 1, select: 1, textarea: 1, a: 1, svg: 1, img: 1, iframe: 1,
    frame: 1, dialog: 1, summary: 1, i: 1, canvas: 1 };
  const VISIBLE = 1, DISABLED = 2, POINTER = 4, FOCUSABLE = 8, HANDLER = 16, WRAPPER = 32, FIXED = 64,
    ABSOLUTE = 128, STICKY = 256, MODAL = 512, CLOSED = 1024, OPEN = 2048, EDITABLE = 4096,
    SCROLLER = 8192, BOLD = 16384, READONLY = 32768, SHADOW = 65536;
  const OFF = /(^|[-_])disabled($|[-_])|[a-z]Disabled($|[-_])/, NOT_OFF = /:|not[-_]?disabled/i;
  const SPECIAL = /[\u001e\u001f]/g, SOLID = /\S/;
  const selectors = ask.selectors || none, width = innerWidth, height = innerHeight;
  const away = scrollX, down = scrollY; // asking each time costs a fifth of the whole
  // Elements of one template under one parent have one font: asked once, since asking is dear.
  const kinds = Object.create(null), fonts = [];
  let kindred = 0;
  const elements = [];
  let data = "", count = 0, hits = "";

  const cut = (text, most) => {
    text = text.length > most ? text.slice(0, most) : text;
    return SPECIAL.test(text) ? text.replace(SPECIAL, " ") : text;
  };
  const referred = (el, ids) => {
    const root = call(rootOf, el, none), parts = ids.split(/\s+/);
    let text = "";
    for (let i = 0; i < parts.length; i++) {
      const other = parts[i] && root.getElementById(parts[i]);
      if (other) text += " " + textContent(other);
    }
    return text;
  };
  const labelled = (list) => {
    let text = "";
    for (let i = 0; list && i < list.length; i++) text += " " + textContent(list[i]);
    return text;
  };
  // Frameworks keep the click handler beside the element: React in its props, Vue in _vei.
  const reacts = (props) => props && (props.onClick || props.onMouseDown || props.onPointerDown);
  const handled = (el) => {
    try {
      if (typeof onclick(el) === "function") return true;
      const keys = Object.getOwnPropertyNames(el);
      for (let i = 0; i < keys.length; i++) {
        if (keys[i].startsWith("__react") && keys[i].indexOf("Fiber") < 0 && reacts(el[keys[i]])) return true;
        if (keys[i] === "_vei" && el._vei && el._vei.onClick) return true;
      }
      const signs = Object.getOwnPropertySymbols(el);
      for (let i = 0; i < signs.length; i++) {
        const kept = signs[i].description === "_vei" && el[signs[i]];
        if (kept && kept.onClick) return true;
      }
    } catch { /* an element that guards itself has no handler we could see */ }
    return false;
  };
  const saysDisabled = (classes) => {
    const each = classes.split(/\s+/);
    for (let i = 0; i < each.length; i++) {
      // "disabled:opacity-50" is a utility that is always there, not a state.
      if (OFF.test(each[i]) && !NOT_OFF.test(each[i])) return true;
    }
    return false;
  };
  // A pixel of a box within another is none: so texts for screen readers only are clipped.
  const apart = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) <= 1.5 ||
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) <= 1.5;

  const children = (el, tag, shadow, at, seen, around) => {
    if (!shadow && tag === "slot") {
      const given = call(assigned, el, none);
      if (given.length) {
        for (let i = 0; i < given.length; i++) step(given[i], at, seen, around);
        return;
      }
    }
    let child = firstChild(shadow || el);
    while (child) {
      step(child, at, seen, around);
      child = nextSibling(child);
    }
  };
  const step = (node, at, seen, around) => {
    const type = nodeType(node);
    if (type === 1) {
      try { visit(node, at, around); } catch { /* unreadable: left out */ }
    } else if (type === 3) {
      const value = nodeValue(node);
      if (value && SOLID.test(value)) {
        data += RECORD + "t" + FIELD + at + FIELD + (seen ? 1 : 0) + FIELD + cut(value, 2000);
      }
    }
  };
  const textInside = (el) => {
    for (let child = firstChild(el); child; child = nextSibling(child)) {
      if (nodeType(child) === 3 && SOLID.test(nodeValue(child))) return true;
    }
    return false;
  };

  const visit = (el, parent, around) => {
    const tag = localName(el);
    if (SKIP[tag] === 1) return;
    const style = call(styleOf, window, [el]), display = style.display;
    if (display === "none" || +style.opacity < 0.05) return;

    let role = "", type = "", aria = "", told = "", hint = "", known = "", href = "", classes = "";
    let target = 0, flags = 0, notable = MEASURED[tag] === 1, inert = around.inert, title = "", styled = false;
    const list = call(namesOf, el, none); // plain words: an Attr for each would cost three times that
    for (let i = 0; i < list.length; i++) {
      const name = list[i], value = call(attribute, el, [name]);
      switch (name) {
        case "class": classes = value; continue;
        case "style": styled = true; continue;
        case "id": case "name": case "data-testid": case "data-test": case "data-icon": case "data-e2e":
        case "data-tid": case "data-cy": known += value + " "; break;
        case "role": role = value; break;
        case "type": type = value.toLowerCase(); break;
        case "aria-label": aria = aria || value; break;
        case "aria-labelledby": aria = referred(el, value) || aria; break;
        case "title": title = value; break;
        case "alt": case "placeholder": case "data-tooltip": hint = hint || value; break;
        case "href": case "xlink:href":
          if (tag === "use") known += value + " ";
          else if (tag === "a") href = value || "#";
          break;
        case "target": target = 1; break;
        case "tabindex": if (+value >= 0) flags |= FOCUSABLE; break;
        case "onclick": case "ng-click": case "jsaction": flags |= HANDLER; break;
        case "disabled": if (!FORM[tag] && value !== "false") flags |= DISABLED; break;
        case "aria-disabled": case "data-disabled": if (value === "true") flags |= DISABLED; break;
        case "inert": inert = true; break;
        case "aria-modal": if (value === "true") flags |= MODAL; break;
        case "open": if (tag === "dialog") flags |= MODAL; break;
        case "aria-expanded": flags |= value === "false" ? CLOSED : OPEN; break;
        case "contenteditable": if (value !== "false") flags |= EDITABLE; break;
        case "readonly": flags |= READONLY; break;
        default: continue;
      }
      notable = true;
    }
    if (classes && classes.indexOf("isabled") >= 0 && saysDisabled(classes)) flags |= DISABLED;
    if (inert || (FORM[tag] && call(matches, el, [":disabled"]))) flags |= DISABLED;
    if (handled(el)) flags |= HANDLER;
    if (tag === "summary" && call(matches, el, ["details > *"])) {
      flags |= call(matches, el, ["[open] > *"]) ? OPEN : CLOSED;
    }

    const shadow = shadowRoot(el), leaf = !shadow && tag !== "slot" && !firstChild(el), cursor = style.cursor;
    if (shadow) flags |= SHADOW;
    if (cursor === "pointer") flags |= POINTER;
    else if (cursor === "not-allowed") flags |= DISABLED;
    if (flags & POINTER && !around.pointer) notable = true;
    const holdsText = textInside(el), position = leaf ? "" : style.position;
    const flow = leaf || display === "inline" ? "visible" : style.overflowY; // each answer is dear
    const loose = position === "fixed" || position === "absolute";
    if (position === "fixed") flags |= FIXED;
    else if (position === "absolute") flags |= ABSOLUTE;
    else if (position === "sticky") flags |= STICKY;

    let clip = loose ? null : around.clip, scrolled = around.scrolled;
    let seen = around.seen, box = null, shown = false;
    const bounds = tag !== "html" && tag !== "body" && flow !== "visible";
    if (holdsText || notable || leaf || loose || bounds || flags & (HANDLER | SHADOW)) {
      box = call(boxOf, el, none);
      const big = box.width > 1.5 && box.height > 1.5;
      const solid = (big || display === "contents") && style.visibility === "visible";
      shown = big && solid && !(clip && apart(box, clip)) &&
        !(position === "fixed" && (box.left >= width || box.top >= height)) &&
        (scrolled || (box.right + away > 0 && box.bottom + down > 0));
      // A box-less wrapper (display: contents, as slots have) shows its texts where its parent does.
      seen = shown || (display === "contents" && around.seen && solid);
    } else flags |= WRAPPER;
    if (shown) flags |= VISIBLE;
    const template = styled ? "" + count : around.kin + tag + "." + classes;
    const kin = kinds[template] || (kinds[template] = ++kindred);
    let font = "";
    if (holdsText) {
      font = fonts[kin] || (fonts[kin] = (+style.fontWeight >= 600 ? "b" : "n") + style.fontSize);
      if (font[0] === "b") flags |= BOLD;
    }
    if (bounds && display !== "contents") {
      if (flow === "auto" || flow === "scroll") {
        flags |= SCROLLER;
        if (box.width > 2 && box.height > 2) clip = null, scrolled = true;
        else clip = box;
      } else clip = box;
    }

    let value = "";
    if (tag === "input" || tag === "textarea") {
      told = labelled(tag === "input" ? inputLabels(el) : areaLabels(el));
      const caption = type === "button" || type === "submit" || type === "reset";
      if (tag === "textarea") value = ask.values ? areaValue(el) : "";
      else if (caption || (ask.values && type !== "password")) value = inputValue(el);
    } else if (tag === "title") hint = textContent(el);

    const at = count++;
    elements[at] = el;
    data += RECORD + "e" + FIELD + parent + FIELD + tag + FIELD + flags;
    if (box) {
      data += FIELD + Math.round(box.left) + FIELD + Math.round(box.top) + FIELD +
        Math.round(box.width) + FIELD + Math.round(box.height) + FIELD + cut(classes, 120) + FIELD +
        font.slice(1);
      if (notable) {
        data += FIELD + role + FIELD + type + FIELD + cut(aria, 400) + FIELD + cut(told, 400) + FIELD +
          cut(title || hint, 400) + FIELD + cut(value, 2000) + FIELD + cut(known, 400) + FIELD +
          cut(href, 400) + FIELD + target + FIELD + cut(hint, 400);
      }
    } else if (classes) data += FIELD + FIELD + FIELD + FIELD + FIELD + cut(classes, 120);
    for (let i = 0; shown && i < selectors.length; i++) {
      if (call(matches, el, [selectors[i]])) hits += FIELD + i;
    }
    if (tag === "select" || tag === "textarea" || tag === "title" || leaf) return;
    const pointer = (flags & POINTER) !== 0;
    children(el, tag, shadow, at, seen, { clip, scrolled, inert, seen, pointer, kin });
  };

  const start = document.documentElement;
  if (start) visit(start, -1, { clip: null, scrolled: false, inert: false, seen: true, pointer: false, kin: 0 });
  return { elements, data: width + FIELD + height + hits + data };
}
