"""The README's pictures, from the real thing: python -m tests.make_pictures [FOLDER]

The report's page, of a fleet that is drawn by a seed, and what `pixelmint demo` and `pixelmint
report` print on a terminal. Inter and JetBrains Mono are used where they are installed.
"""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from automation.browser import Lane, find_browser
from flows.reporting.page import encoded, render
from flows.reporting.summary import print_to
from tests.drawn_fleet import drawn

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
PIXELS = 312
SHOTS: dict[str, tuple[int, int, str, str]] = {
    "report-light": (1280, 1432, "light", ""),
    "report-dark": (1280, 1432, "dark", ""),
    "report-table": (1280, 760, "light", "#pixels"),
    "report-phone": (360, 740, "light", ""),
}
"""Name -> width and height in CSS pixels, scheme, and what is scrolled to."""
_COLUMNS = 100


def page_pictures(folder: Path) -> None:
    """Take the pictures of the page."""
    with tempfile.TemporaryDirectory() as place, Lane(find_browser(None)) as lane:
        file = Path(place) / "report.html"
        file.write_bytes(encoded(render(drawn(PIXELS))))
        browser = lane.open().context.browser
        assert browser is not None
        for name, (width, height, scheme, at) in SHOTS.items():
            made: Any = {
                "viewport": {"width": width, "height": height}, "color_scheme": scheme,
                "device_scale_factor": 1.25, "reduced_motion": "reduce",
            }  # fmt: skip
            context = browser.new_context(**made)
            page = context.new_page()
            page.goto(file.as_uri())
            if at:
                page.locator(at).evaluate("(found) => found.scrollIntoView()")
                page.locator("#find").fill("bramble")
                page.locator(".open").first.click()
            page.screenshot(path=folder / f"{name}.png")
            context.close()
        lane.close_context()


def demo_picture(folder: Path) -> None:
    """Run the demo on a terminal of its own and draw what came."""
    main, other = pty.openpty()
    environment = {name: text for name, text in os.environ.items() if "PIXELMINT" not in name}
    environment["COLUMNS"] = str(_COLUMNS)
    with subprocess.Popen(
        [sys.executable, "-m", "flows", "demo"], stdout=other, stderr=other, env=environment
    ) as child:
        os.close(other)
        said = b""
        try:
            while part := os.read(main, 65536):
                said += part
        except OSError:  # a terminal whose program has ended
            pass
        os.close(main)
    assert child.returncode == 0, said
    _draw(folder / "demo.svg", "pixelmint demo", Text(said.decode().replace("\r\n", "\n")))


def summary_picture(folder: Path) -> None:
    """Draw the head that `report` prints on a terminal."""
    console = _recorder()
    console.print(Text("$ pixelmint report", style="dim"))
    print_to(console, drawn(PIXELS))
    _save(console, folder / "report-terminal.svg", "pixelmint report")


def _draw(file: Path, command: str, said: Text) -> None:
    console = _recorder()
    console.print(Text(f"$ {command}", style="dim"))
    console.print(said)
    _save(console, file, command)


def _recorder() -> Console:
    return Console(
        record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False
    )


def _save(console: Console, file: Path, title: str) -> None:
    drawing = console.export_svg(title=title, unique_id="t")
    # Its fonts would be fetched from a host; the reader's own will do.
    drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)
    file.write_text(drawing)


def main(folder: Path) -> None:
    """Make them all, and say how large they are."""
    folder.mkdir(parents=True, exist_ok=True)
    page_pictures(folder)
    demo_picture(folder)
    summary_picture(folder)
    for each in sorted(folder.iterdir()):
        sys.stdout.write(f"{each.name:24}{each.stat().st_size / 1000:8.0f} kB\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
