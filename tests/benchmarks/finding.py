"""`python -m tests.benchmarks.finding`: what one look at a page of 5,000 elements costs.

Processor time of the page's own thread, as Chromium counts it (a clock would count whatever else
the machine does), for the script that gathers what could be seen, sent anew each time as in use.
The page is changed and laid out before each, so that its own layout is not counted.
"""

import statistics
import sys
from pathlib import Path

from playwright.sync_api import CDPSession, Page

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
_CHANGE = """
(i) => {
  document.body.style.paddingTop = `${i % 2}px`;
  return document.body.getBoundingClientRect().width;
}
"""


def measure(page: Page, rounds: int) -> list[float]:
    """Return what each look cost, in milliseconds of the page's thread."""
    counters = page.context.new_cdp_session(page)
    counters.send("Performance.enable", {"timeDomain": "threadTicks"})
    taken = []
    for number in range(rounds):
        page.evaluate(_CHANGE, number)
        before = _task_ms(counters)
        gathered = page.evaluate_handle(_GATHER, {})
        taken.append(_task_ms(counters) - before)
        if not gathered.evaluate("page => page.elements.length"):
            raise RuntimeError("nothing was gathered")
        gathered.dispose()
    return taken


def _task_ms(counters: CDPSession) -> float:
    told = counters.send("Performance.getMetrics")["metrics"]
    return next(1000 * float(each["value"]) for each in told if each["name"] == "TaskDuration")


def main() -> int:
    """Measure, print, and return 1 where the limit is passed."""
    with Lane(find_browser(None), patience_s=30) as lane:
        page = lane.open()
        page.set_viewport_size({"width": 1440, "height": 900})
        count: int = page.evaluate(_DRAW, ELEMENTS)
        taken = measure(page, ROUNDS)
    median = statistics.median(taken)
    print(  # noqa: T201  its result
        f"{count} elements: median {median:.1f} ms of processor time, the first look "
        f"{taken[0]:.1f}, slowest {max(taken):.1f}, of {ROUNDS}; limit {LIMIT_MS:.0f} ms"
    )
    return 0 if median <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
