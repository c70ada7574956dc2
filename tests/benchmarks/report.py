"""How fast the report's page is: python -m tests.benchmarks.report [PIXELS]

Prints a table: making the page, its size, opening it, the first filter and a sort, each in a fresh
page, median of five. A filter counts from the key to the next frame on the screen.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from automation.browser import Lane, find_browser
from flows.reporting.page import encoded, render
from tests.drawn_fleet import drawn

_TIMED = """(what) => new Promise((done) => {
  const begin = performance.now();
  if (what === "filter") {
    const find = document.getElementById("find");
    find.value = "clove 7";
    find.dispatchEvent(new Event("input"));
  } else document.querySelector(`[data-sort=${what}]`).click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
})"""


def main(count: int, tries: int = 5) -> None:
    """Measure and print."""
    fleet = drawn(count)
    began = time.monotonic()
    page = encoded(render(fleet))
    rows = [("making it", (time.monotonic() - began) * 1000, "ms"),
            ("size", len(page) / 1000, "kB")]  # fmt: skip
    took: dict[str, list[float]] = {"opening it": [], "first filter": [], "sort by age": []}
    with tempfile.TemporaryDirectory() as folder, Lane(find_browser(None)) as lane:
        file = Path(folder) / "report.html"
        file.write_bytes(page)
        for _ in range(tries):
            tab = lane.open()
            began = time.monotonic()
            tab.goto(file.as_uri())
            took["opening it"].append((time.monotonic() - began) * 1000)
            took["first filter"].append(tab.evaluate(_TIMED, "filter"))
            took["sort by age"].append(tab.evaluate(_TIMED, "age"))
        lane.close_context()
    rows += [(name, statistics.median(each), "ms") for name, each in took.items()]
    lines = [f"{count} pixels", *(f"{name:14}{value:10.0f} {unit}" for name, value, unit in rows)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
