"""Whether a section of a page holds anything that can be pressed."""

from playwright.sync_api import Error

from automation.controls import Region


def any_control(section: Region) -> bool:
    """Tell whether anything in a section can be pressed."""
    try:
        return bool(section.element.evaluate(_PRESSABLE))
    except Error:
        return True  # it went away: no ground to speak of a lacking permission


_PRESSABLE = """
(element) => {
  const root = element.closest("section, [role=region], [role=tabpanel]") || element.parentElement;
  const visit = (node) => {
    const inner = node.shadowRoot ? [...node.shadowRoot.children] : [];
    for (const child of [...inner, ...node.children]) {
      const pressed = child.matches(
        "button, [role=button], input[type=button], input[type=submit]");
      if ((pressed && child.checkVisibility()) || visit(child)) return true;
    }
    return false;
  };
  return root ? visit(root) : true;
}
"""
