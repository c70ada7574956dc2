"""The same demo against a console that behaves badly: what came in the way, and what became of it.

What counts is not that every token comes, but that none is lost: what the console issued is stored,
or its pixel says `token_unread`.
"""

import secrets
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from automation.errors import StoreFailed
from automation.report import Result, json_line, table
from automation.secret import fingerprint
from flows.demo import workshop_for
from flows.generate import Wish, generate

if TYPE_CHECKING:
    from fixtures.console import Console
    from flows.terminal import Terminal

_HEADS = ("PIXEL", "PAGE", "OUTCOME", "FINGERPRINT", "ISSUED", "SECONDS")


def demo_hostile(terminal: "Terminal", seed: int | None) -> None:
    """Generate for eight pixels in two accounts, with faults drawn by a seed.

    Args:
        terminal: takes progress and results.
        seed: draws what comes in the way; None draws a seed, which is told.

    Raises:
        StoreFailed: a token that the console issued is in no store and nobody speaks of it.
    """
    from fixtures.console import Console, preset

    seed = secrets.randbelow(10_000) if seed is None else seed
    with (
        tempfile.TemporaryDirectory(prefix="pixelmint-demo-") as folder,
        Console(preset("hostile"), accounts=2, pixels_per_account=4, seed=seed) as console,
    ):
        terminal.tell(f"a drawn console that behaves badly is listening at {console.url}; its "
                      f"faults are those of --seed {seed}")  # fmt: skip
        workshop = workshop_for(terminal, console.url, Path(folder) / "home")
        state = console.storage_state()
        workshop.sessions.save("default", state, signed_in=True, origin=console.url)
        results: list[Result] = []
        for account in console.accounts:
            codes = [each.code for each in account.pixels]
            results += generate(workshop, codes, Wish(account=account.aadvid))
        _show(terminal, console, results)
    terminal.tell("every token that was issued is stored, or its pixel says that it could not be "
                  "read; `pixelmint recover` and a second run go on from there")  # fmt: skip


def _show(terminal: "Terminal", console: "Console", results: list[Result]) -> None:
    """Print each pixel's row, and compare with what the console's own book says."""
    lost, rows = [], []
    for result in results:
        pixel = result.pixel or ""
        issued = [fingerprint(each.token) for each in console.ledger.issued()
                  if each.pixel == pixel]  # fmt: skip
        told = (result.as_json()["error"] or {}).get("code")
        if issued and result.fingerprint not in issued and told != "token_unread":
            lost.append(pixel)
        rows.append((pixel, console.turn(pixel) or "calm", told or result.outcome,
                     result.fingerprint or "-", str(len(issued)),
                     f"{result.seconds:.1f}"))  # fmt: skip
        if terminal.as_json:
            terminal.out(json_line(result.as_json()))
    if not terminal.as_json:
        terminal.out(table(rows, _HEADS))
    drawn = Counter(each.fault for each in console.ledger.faults())
    terminal.tell(
        "calls met: " + (", ".join(f"{name} {n}" for name, n in drawn.items()) or "no fault")
    )
    if lost:
        raise StoreFailed(
            f"the console issued a token for {', '.join(lost)}, and nobody speaks of it",
            next_step="that is a fault of pixelmint: report it with the seed above",
        )
