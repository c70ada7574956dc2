// Runs in every frame of a lane's page, before the page's own scripts. Does nothing until armed.
// While armed: what the page copies goes to pixelmint instead of the clipboard (which all contexts
// of a browser share), and what newly stands on the page in the form of a token is reported.
(name) => {
  "use strict";
  const FORM = /[A-Za-z0-9_.-]{20,512}/;
  const WHOLE = /^[A-Za-z0-9_.-]{20,512}$/;
  const PIECE = /^[A-Za-z0-9_.-]+$/;
  const INVISIBLE = /[\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]/g;
  const QUIET = new Set(["SCRIPT", "STYLE", "TEMPLATE", "NOSCRIPT", "svg", "IFRAME"]);
  const PRESSED = new Set(["BUTTON", "A", "SELECT", "OPTION"]);
  const LONGEST = 600;
  const state = { armed: false, known: new Set(), timer: 0, copying: null };
  const send = (message) => window[name](message);
  const soon = window.setTimeout.bind(window);
  const later = window.setInterval.bind(window);
  const never = window.clearInterval.bind(window);

  const clean = (text) => text.replace(INVISIBLE, "").trim();

  const above = (node) => node.parentElement || (node.getRootNode && node.getRootNode().host) || null;

  const shown = (element) =>
    !element.checkVisibility || element.checkVisibility({ visibilityProperty: true });

  // Words beside a text: those of the nearest ancestor that says more than the text itself.
  const beside = (element, text) => {
    for (let up = element, n = 0; up && n < 6; up = above(up), n += 1) {
      const all = pieces(up, []);
      if (all === null) return "";
      // Of a text that is split over several elements, the pieces are not words beside it.
      const others = all.map((each) => each.replace(text, "").trim());
      const rest = others.filter((each) => each && !text.includes(each)).join(" ");
      if (rest.length > 2) return rest.slice(0, 200);
    }
    return "";
  };

  const described = (field) =>
    [field.getAttribute("aria-label"), field.placeholder, field.name, field.id,
      ...Array.from(field.labels || [], (label) => label.textContent),
      beside(field, "")].filter(Boolean).join(" ").slice(0, 300);

  const children = (node) =>
    node.shadowRoot ? [...node.shadowRoot.childNodes, ...node.childNodes] : node.childNodes;

  // The texts inside an element, in order; null when they are too long to be one token.
  const pieces = (node, into, total = { length: 0 }) => {
    for (const child of children(node)) {
      if (child.nodeType === 3) {
        const text = clean(child.data);
        total.length += text.length;
        if (text) into.push(text);
      } else if (child.nodeType === 1 && !QUIET.has(child.nodeName)) {
        if (PRESSED.has(child.nodeName)) continue;
        if (pieces(child, into, total) === null) return null;
      }
      if (total.length > LONGEST) return null;
    }
    return into;
  };

  const scan = (found) => {
    const visit = (node) => {
      // Returns the texts below, so that a token split over elements is put together once.
      let texts = [];
      let parts = 0;
      for (const child of children(node)) {
        if (child.nodeType === 3) {
          const text = clean(child.data);
          if (!text) continue;
          parts += 1;
          if (texts) texts.push({ text, at: node });
          if (FORM.test(text)) found("text", text, node);
        } else if (child.nodeType === 1 && !QUIET.has(child.nodeName)) {
          const below = visit(child);
          if (PRESSED.has(child.nodeName)) continue;
          if (below === null) texts = null;
          else if (below.length) {
            parts += 1;
            if (texts) texts = texts.concat(below);
          }
        }
      }
      if (node.nodeName === "INPUT" || node.nodeName === "TEXTAREA") {
        const value = clean(String(node.value));
        if (FORM.test(value)) found("field", value, node);
        return [];
      }
      if (texts === null || texts.reduce((sum, each) => sum + each.text.length, 0) > LONGEST)
        return null;
      if (parts > 1 && !put_together(texts, node)) runs(texts, node);
      return texts;
    };
    const put_together = (pieces, node) => {
      const whole = pieces.map((each) => each.text).join("");
      const is = WHOLE.test(whole);
      if (is) found("text", whole, node);
      return is;
    };
    // The same among other words, such as a label in the same line. A run is told once, where it
    // stands, and not again further up with what happens to come after it. What could be a token
    // by itself is no piece of one here: two that stand side by side would be made one.
    const runs = (texts, node) => {
      let run = [];
      for (const piece of [...texts, { text: " " }]) {
        if (!piece.told && PIECE.test(piece.text) && !FORM.test(piece.text) && shown(piece.at))
          run.push(piece);
        else {
          if (run.length > 1 && put_together(run, node)) for (const each of run) each.told = true;
          run = [];
        }
      }
    };
    if (document.documentElement) visit(document.documentElement);
  };

  const report = () => {
    scan((kind, text, element) => {
      if (state.known.has(text) || !shown(element)) return;
      state.known.add(text);
      send({ kind, text, label: kind === "field" ? described(element) : beside(element, text) });
    });
  };

  const start = () => {
    state.armed = true;
    new MutationObserver(() => state.armed && report()).observe(document, {
      subtree: true, childList: true, characterData: true,
    });
    if (!state.timer) state.timer = later(report, 100); // shadow roots and values send no mutations
  };

  const control = {
    arm() {
      const before = [];
      state.known = new Set();
      scan((_kind, text, element) => {
        if (!shown(element)) return;
        state.known.add(text);
        before.push(text);
      });
      start();
      return before;
    },
    disarm() {
      state.armed = false;
      never(state.timer);
      state.timer = 0;
    },
  };
  Object.defineProperty(window, `${name}_`, { value: control });

  const copied = (text) => send({ kind: "copy", text: String(text), label: "" });

  const board = window.Clipboard && window.Clipboard.prototype;
  if (board) {
    const { writeText, write } = board;
    board.writeText = function (text) {
      return state.armed ? copied(text).then(() => undefined) : writeText.call(this, text);
    };
    board.write = async function (items) {
      if (!state.armed) return write.call(this, items);
      for (const item of items) {
        for (const type of item.types.filter((each) => each.startsWith("text/"))) {
          await copied(await (await item.getType(type)).text());
        }
      }
      return undefined;
    };
  }

  const { setData } = DataTransfer.prototype;
  DataTransfer.prototype.setData = function (type, text) {
    if (!state.copying) return setData.call(this, type, text);
    if (/^text/i.test(type)) state.copying.text = String(text);
    return undefined;
  };
  const selected = () => {
    let at = document.activeElement;
    while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
    if (at && typeof at.value === "string" && at.selectionStart !== at.selectionEnd) {
      return at.value.slice(at.selectionStart, at.selectionEnd);
    }
    return String(document.getSelection());
  };
  window.addEventListener("copy", (event) => {
    if (!state.armed) return;
    const copying = { text: selected() };
    state.copying = copying;
    event.preventDefault();
    // Not a microtask: after a person's keys one would run before the page's own listeners.
    soon(() => {
      if (state.copying === copying) state.copying = null;
      if (copying.text) copied(copying.text);
    }, 0);
  }, true);

  // A page that was left for another, or reloaded, while armed goes on being watched.
  send({ kind: "hello" }).then((armed) => armed && !state.armed && start());
}
