"""What came of each pixel, as the contract's JSON object and as a table for people."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from automation.errors import AutomationError
from automation.phases import Phases

Outcome = Literal["generated", "rotated", "kept", "planned", "failed"]


@dataclass
class Result:
    """One pixel's outcome. Holds no secret."""

    pixel: str | None
    """The pixel's code; None where a run failed before it knew any."""
    account: str | None
    outcome: Outcome
    fingerprint: str | None = None
    """Of the token; None where there is none."""
    stored_in: list[str] = field(default_factory=list)
    """URLs of the stores that hold it, as the operator wrote them."""
    verified: bool | None = None
    """What the Events API said of it; None where it was not asked."""
    delivered: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """How long this pixel took."""
    error: AutomationError | dict[str, str | None] | None = None
    phases: Phases = field(default_factory=Phases, repr=False, compare=False)
    """Where the seconds went; for the history, not in the contract's object."""

    def as_json(self) -> dict[str, Any]:
        """Return the contract's object."""
        error = self.error
        return {
            "pixel": self.pixel,
            "account": self.account or None,
            "outcome": self.outcome,
            "fingerprint": self.fingerprint,
            "stored_in": self.stored_in,
            "verified": self.verified,
            "delivered": self.delivered,
            "seconds": round(self.seconds, 1),
            "error": error.as_json() if isinstance(error, AutomationError) else error,
        }

    @property
    def exit_code(self) -> int:
        """The exit code this result alone asks for."""
        if self.outcome != "failed":
            return 0
        if isinstance(self.error, AutomationError):
            return self.error.exit_code
        return exit_code_of((self.error or {}).get("code"))


def exit_code_of(code: str | None) -> int:
    """Return the exit code of an error's code."""
    kinds = AutomationError.__subclasses__()
    return next((each.exit_code for each in kinds if each.code == code), 1)


def json_line(facts: dict[str, Any]) -> str:
    """Return one line of JSON Lines."""
    line = json.dumps(facts, ensure_ascii=False)
    # Half a surrogate pair, which a page's words may hold, cannot be printed but as an escape.
    return line.encode("utf-8", "backslashreplace").decode()


def table(rows: Iterable[Sequence[str]], heads: Sequence[str], width: int | None = None) -> str:
    """Return rows under their heads in plain columns; no cell is broken and none is cut.

    Args:
        rows: their cells, "-" for nothing.
        heads: the columns' heads.
        width: columns of the window it is shown in; a table that is wider leaves out the columns
            that say nothing, then is drawn closer, then goes on below, indented. None where no
            window is known: what is piped is read by programs, and stands on one line a row.
    """
    cells = [list(heads), *(list(each) for each in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    shown = list(range(len(heads)))
    gap, parts = "  ", [shown]
    if width is not None and _wide(widths, shown) > width:
        shown = [at for at in shown if at == 0 or any(row[at] != "-" for row in cells[1:])]
        if _wide(widths, shown) - len(shown) < width:
            gap = " " if _wide(widths, shown) > width else gap
            parts = [shown]
        else:
            parts = _parts(widths, shown, width)
    lines = [
        _INDENT * (number > 0) + gap.join(row[at].ljust(widths[at]) for at in part)
        for row in cells
        for number, part in enumerate(parts)
    ]
    return "\n".join(each.rstrip() for each in lines)


_INDENT = "  "


def _wide(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[at] + 2 for at in shown) - 2


def _parts(widths: Sequence[int], shown: Sequence[int], width: int) -> list[list[int]]:
    """Put as many columns on each line as it takes, at least one."""
    parts: list[list[int]] = [[]]
    for at in shown:
        indent = len(_INDENT) * (len(parts) > 1)
        if parts[-1] and indent + _wide(widths, [*parts[-1], at]) > width:
            parts.append([])
        parts[-1].append(at)
    return parts
