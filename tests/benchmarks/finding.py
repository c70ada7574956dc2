"""`python -m tests.benchmarks.finding`: what one look at a page of 5,000 elements costs.

Measured inside the page, around the script that gathers what could be seen: median of thirty. The
page is laid out before each, so that its own layout is not counted; nothing of a look is kept.
"""

import statistics
import sys
from pathlib import Path

from automation import controls_tree
from automation.browser import Lane, find_browser

ELEMENTS, ROUNDS, LIMIT_MS = 5_000, 30, 50.0
_GATHER = Path(controls_tree.__file__).with_name("controls.js").read_text(encoding="utf-8")
_DRAW = """
(most) => {
  const parts = [];
  for (let i = 0; parts.length * 20 < most - 20; i += 1) {
    parts.push(`<section class="card c${i % 7}"><div class="head"><h3 class="title">Part ${i}</h3>
      <i class="hint"></i></div><div class="body"><p>Says what it does, number ${i}.</p><ul>
      <li class="row"><a href="#${i}">Row one</a><span>${i}</span></li>
      <li class="row"><a href="#${i}">Row two</a><span>${i}</span></li></ul>
      <div class="field"><label>Name <input value="${i}"></label></div><div class="bar"><span>
      <button class="btn" data-testid="save-${i}"><span>Save</span></button></span>
      <div role="button" tabindex="0" style="cursor:pointer">More</div></div></div></section>`);
  }
  document.body.innerHTML = "<style>.card{border:1px solid #ccc;margin:8px}.row{display:flex}" +
    ".title{font:600 16px sans-serif}.body{overflow:hidden}</style>" + parts.join("");
  return document.querySelectorAll("*").length;
}
"""
_MEASURE = f"""
(rounds) => {{
  const gather = {_GATHER.strip()};
  const taken = [];
  for (let i = 0; i < rounds; i += 1) {{
    document.body.style.paddingTop = `${{i % 2}}px`;
    document.body.getBoundingClientRect();
    const began = performance.now();
    const page = gather({{}});
    taken.push(performance.now() - began);
    if (!page.elements.length) throw new Error("nothing was gathered");
  }}
  return taken;
}}
"""


def main() -> int:
    """Measure, print, and return 1 where the limit is passed."""
    with Lane(find_browser(None), patience_s=30) as lane:
        page = lane.open()
        page.set_viewport_size({"width": 1440, "height": 900})
        count: int = page.evaluate(_DRAW, ELEMENTS)
        taken: list[float] = page.evaluate(_MEASURE, ROUNDS)
    median = statistics.median(taken)
    print(  # noqa: T201  its result
        f"{count} elements: median {median:.1f} ms, fastest {min(taken):.1f}, slowest "
        f"{max(taken):.1f}, of {ROUNDS} looks; limit {LIMIT_MS:.0f} ms"
    )
    return 0 if median <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
