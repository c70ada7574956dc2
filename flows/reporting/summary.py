"""The head of a report for a terminal: what needs a person, the states, the ages."""

from typing import TYPE_CHECKING, TextIO

from flows.reporting.charts import ages
from flows.reporting.fleet import STATES, Fleet
from flows.reporting.needs import needs

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_COLOURS = {
    "waiting": "magenta", "person": "magenta", "failed": "red", "rejected": "red",
    "undelivered": "blue", "due": "dark_orange", "soon": "yellow", "fresh": "green", "none": "dim",
}  # fmt: skip
_BLOCKS = " ▁▂▃▄▅▆▇█"


def summary(fleet: Fleet, file: TextIO) -> None:
    """Print it; colours only where the terminal and NO_COLOR allow them."""
    from rich.console import Console

    print_to(Console(file=file, highlight=False), fleet)


def print_to(console: "Console", fleet: Fleet) -> None:
    """Print it on a terminal of rich's."""
    from rich.table import Table
    from rich.text import Text

    console.print(_headline(fleet), style="bold red" if fleet.pressing else "bold green")
    found = needs(fleet)
    if found:
        listed = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for column in ("right", "left", "left"):
            listed.add_column(justify=column)
        for each in found:
            listed.add_row(
                Text(str(len(each.pixels)), style=_COLOURS[each.state]),
                Text(each.title),
                Text(each.next_step.replace("`", ""), style="dim"),
            )
        console.print(listed)
        console.print()
    line = Text()
    for state, said in STATES.items():
        if count := fleet.counts[state]:
            item = Text("■ ", style=_COLOURS[state]).append(f"{said} {count}   ", style="default")
            if line.cell_len + item.cell_len > console.width:
                console.print(line)
                line = Text()
            line.append(item)
    console.print(line)
    if fleet.ages:
        console.print(_ages(fleet))
    console.print()


def _headline(fleet: Fleet) -> str:
    if fleet.pressing:
        return f"{fleet.pressing} of {len(fleet.pixels)} pixels need a person."
    return f"No pixel needs a person; {len(fleet.pixels)} are known."


def _ages(fleet: Fleet) -> "Text":
    from rich.text import Text

    drawn = Text("ages  ")
    found = ages(fleet)
    for at, bar in enumerate(found.bars):
        if at == 10:
            drawn.append("|", style="bold")
        height = -(-bar.count * 8 // found.highest)
        drawn.append(_BLOCKS[height], style=_COLOURS[bar.band])
    span = f"  0 to {found.span_days:.0f} days, due at |: {fleet.limit_days:g}"
    return drawn.append(span, style="dim")
