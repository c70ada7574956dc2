"""What only the page can say about a few elements: whether a click at their middle reaches them."""

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import ElementHandle
from playwright.sync_api import Error as BrowserError

from automation.controls_tree import Node, Tree

_HIT = """
  const up = (n) => n.assignedSlot || n.parentNode || n.host || null;
  const within = (n, el) => { for (; n; n = up(n)) if (n === el) return true; return false; };
  const hitAt = (doc, x, y) => {
    let hit = doc.elementFromPoint(x, y);
    while (hit && hit.shadowRoot) {
      // The list, because for a text put into a slot elementFromPoint names the host again.
      const inner = hit.shadowRoot.elementsFromPoint(x, y)[0];
      if (!inner || inner.getRootNode() !== hit.shadowRoot) break;
      hit = inner;
    }
    return hit;
  };
  // A bar that stays while the page scrolls covers nothing for good.
  const isBar = (hit) => {
    for (let n = hit; n && n.nodeType; n = up(n)) {
      if (n.nodeType !== 1) continue;
      const position = getComputedStyle(n).position;
      if (position !== "fixed" && position !== "sticky") continue;
      const box = n.getBoundingClientRect();
      return box.height < innerHeight * 0.35 && box.width > innerWidth * 0.5;
    }
    return false;
  };
  const framed = (el) => {
    for (let n = el, i = 0; n && i < 4; n = up(n)) {
      if (n.nodeType !== 1) continue;
      i++;
      const box = n.getBoundingClientRect();
      if (box.height > 80 || box.width > 480) return false;
      const style = getComputedStyle(n);
      const paint = style.backgroundColor;
      const top = parseFloat(style.borderTopWidth), bottom = parseFloat(style.borderBottomWidth);
      if (top > 0 && bottom > 0) return true;
      if (paint !== "rgba(0, 0, 0, 0)" && paint !== "transparent") return true;
    }
    return false;
  };
  const NESTED = "a[href],button,input,select,textarea,[role=button],[role=link],[role=menuitem]";
  const nested = (hit, el) => {
    for (let n = hit; n && n !== el; n = up(n)) {
      if (n.nodeType === 1 && n.matches(NESTED)) return true;
    }
    return false;
  };
  const BAR = 20; // so wide are scroll bars: nothing is hit there, the window ends before them
  const look = (el, at) => {
    const box = el.getBoundingClientRect();
    const spots = at ? [at] : [[0.5, 0.5], [0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75]];
    let covered = 0, bar = 0, asked = 0;
    for (let i = 0; i < spots.length; i++) {
      const x = at ? spots[i][0] : box.left + box.width * spots[i][0];
      const y = at ? spots[i][1] : box.top + box.height * spots[i][1];
      if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
      const hit = hitAt(document, x, y);
      if (!hit && (x > innerWidth - BAR || y > innerHeight - BAR)) continue;
      asked++;
      if (hit && within(hit, el)) {
        if (nested(hit, el) && i === 0) return "nested";
        return i === 0 ? "free" : "partly";
      }
      if (hit && within(el, hit)) continue;
      covered++;
      if (hit && isBar(hit)) bar++;
    }
    if (!asked) return "away";
    if (covered === asked) return bar ? "bar" : "covered";
    return "through";
  };
"""
_PROBE = f"""(page, ask) => {{ {_HIT}
  const answers = [];
  for (let i = 0; i < ask.length; i++) {{
    const el = page.elements[ask[i][0]];
    let answer = ["gone", false];
    try {{ if (el.isConnected) answer = [look(el, ask[i][1]), framed(el)]; }} catch {{ }}
    answers[i] = answer[0] + (answer[1] ? "+" : "");
  }}
  return answers.join(" ");
}}
"""
_FREE = f"""(el) => {{ {_HIT}
  return el.isConnected && ["free", "partly", "bar", "away"].includes(look(el));
}}"""


@dataclass(frozen=True)
class Probe:
    """What the page says about one element."""

    reach: str
    """free, partly, away (out of the window), bar (under a bar that stays), covered, nested
    (another control is at its middle), through (clicks pass through it), gone."""
    framed: bool
    """Whether it is drawn as a small box, as buttons are."""

    @property
    def reachable(self) -> bool:
        """Whether a person can see that much of it that it counts, after scrolling."""
        return self.reach in ("free", "partly", "away", "bar")


def wait_until_free(element: ElementHandle, timeout_ms: float) -> None:
    """Wait until nothing covers an element; no event reaches the page.

    Raises:
        playwright.sync_api.Error: it stays covered, or went away.
    """
    frame = element.owner_frame()
    if frame is None:
        raise BrowserError("the element has left its page")
    frame.wait_for_function(_FREE, arg=element, timeout=timeout_ms)


def probe(tree: Tree, nodes: Sequence[Node]) -> list[Probe]:
    """Ask the page about some nodes, in one call a frame."""
    answers: dict[int, Probe] = {}
    for frame in sorted({node.frame for node in nodes}):
        here = [node for node in nodes if node.frame == frame]
        for node, said in zip(here, _ask(tree, here, [None] * len(here)), strict=True):
            answers[node.at] = _behind_frames(tree, node, said)
    return [answers[node.at] for node in nodes]


def _ask(
    tree: Tree, nodes: Sequence[Node], points: Sequence[tuple[float, float] | None]
) -> list[Probe]:
    ask = [[node.index, point] for node, point in zip(nodes, points, strict=True)]
    try:
        said: str = tree.script(nodes[0]).evaluate(_PROBE, ask)
    except BrowserError:  # the frame has gone, and its elements with it
        return [Probe("gone", False)] * len(nodes)
    return [Probe(word.rstrip("+"), word.endswith("+")) for word in said.split(" ")]


def _behind_frames(tree: Tree, node: Node, said: Probe) -> Probe:
    """Ask the outer documents too: what covers a frame covers what is in it."""
    left, top, width, height = node.box
    inner = node
    while said.reachable:
        frame = next((n for n in inner.above() if n.frame != inner.frame), None)
        if frame is None:
            break
        outermost = next((n for n in frame.above() if n.frame != frame.frame), None)
        dx, dy = outermost.box[:2] if outermost else (0, 0)
        x, y = left + width / 2, top + height / 2
        # Scrolled out of its frame's window, it stands nowhere yet: the frame itself is asked.
        seen = _in_box(frame.box, x, y)
        outer = _ask(tree, [frame], [(x - dx, y - dy) if seen else None])[0]
        if not outer.reachable:
            return Probe(outer.reach, said.framed)
        inner = frame
    return said


def _in_box(box: tuple[int, int, int, int], x: float, y: float) -> bool:
    return box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]
