"""What only the page itself can say of Upstack's form, as scripts. They change nothing."""

ALL = """
  const all = [];
  const visit = (node) => {
    for (const child of node.children || []) {
      all.push(child);
      if (child.shadowRoot) visit(child.shadowRoot);
      visit(child);
    }
  };
  visit(root);
  const seen = (n) => n.checkVisibility();
  const named = (n) => n.getAttribute("aria-label") || (n.labels && n.labels[0]
    && n.labels[0].textContent.trim()) || n.getAttribute("placeholder") || n.name || "a field";
"""
EMPTY = """
  const empty = all.find((n) => n.matches("input, textarea, select") && seen(n) && !n.disabled
    && (n.required || n.getAttribute("aria-required") === "true")
    && (n.type === "checkbox" ? !n.checked : !n.value));
  return empty ? named(empty) : "";
"""
UNTICKED = """
  return all.some((n) => (n.matches("input[type=checkbox]") && !n.checked)
    || (n.matches("[role=checkbox], [role=switch]") && n.getAttribute("aria-checked") !== "true"));
"""
OPTION = """
(select, labels) => {
  const known = labels.map((each) => each.toLowerCase());
  const found = [...select.options].filter((n) => known.includes(n.text.trim().toLowerCase()));
  return found.length === 1 && !found[0].disabled ? found[0].value : null;
}
"""
SELECT = f"""
(root, labels) => {{ {ALL}
  const option = {OPTION.strip()};
  const found = all.filter((n) => n.matches("select") && seen(n) && option(n, labels) !== null);
  return found.length === 1 ? found[0] : null;
}}
"""
TICKED = """
(element) => {
  const SUCH = "input[type=checkbox], [role=checkbox], [role=switch]";
  const said = (n) => n.matches("input") ? n.checked : n.getAttribute("aria-checked") === "true";
  const up = (n) => n.assignedSlot || n.parentElement || (n.getRootNode().host || null);
  if (element.matches(SUCH)) return said(element);
  if (element.control && element.control.matches(SUCH)) return said(element.control);
  for (let n = element, i = 0; n && i < 5; n = up(n), i++) {
    const found = [...n.querySelectorAll(SUCH)];
    if (n.shadowRoot) found.push(...n.shadowRoot.querySelectorAll(SUCH));
    if (found.length) return found.length === 1 ? said(found[0]) : null;
    if (n.control && n.control.matches(SUCH)) return said(n.control);
  }
  // A box that is only drawn: one small square, which is filled or holds a mark once it is ticked.
  const paint = (n) => (getComputedStyle(n).backgroundColor.match(/[0-9.]+/g) || []).map(Number);
  const opaque = (c) => c.length === 3 || (c.length === 4 && c[3] > 0.5);
  const ground = (n) => {
    for (let at = up(n); at; at = up(at)) if (opaque(paint(at))) return paint(at);
    return [255, 255, 255];
  };
  const square = (n) => {
    const box = n.getBoundingClientRect(), style = getComputedStyle(n);
    const drawn = parseFloat(style.borderTopWidth) > 0 || opaque(paint(n));
    return box.width >= 8 && box.width <= 32 && Math.abs(box.width - box.height) <= 3 && drawn;
  };
  let boxes = [];
  for (let n = element, i = 0; n && i < 3 && !boxes.length; n = up(n), i++) {
    boxes = [...n.querySelectorAll("*")].filter(square);
  }
  boxes = boxes.filter((n) => !boxes.some((other) => other !== n && other.contains(n)));
  if (boxes.length !== 1) return null;
  const [box] = boxes, own = paint(box), other = ground(box);
  const apart = opaque(own) && own.slice(0, 3).some((each, i) => Math.abs(each - other[i]) > 60);
  const mark = ["::before", "::after"].some((pseudo) => {
    const style = getComputedStyle(box, pseudo);
    return style.content !== "none" && style.content !== "normal" && style.opacity !== "0";
  });
  const inside = [...box.querySelectorAll("*")];
  const inner = inside.some((n) => n.checkVisibility({ opacityProperty: true }));
  return apart || mark || inner || !!box.textContent.trim();
}
"""

FILLABLE = """
(e) => e.isContentEditable || ["textbox", "searchbox"].includes(e.getAttribute("role")) ||
  e.matches("input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit])") ||
  e.matches("textarea")
"""
"""Whether something can be typed into an element."""
