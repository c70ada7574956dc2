"""One self-contained page: no network, nothing but its own style and script may run in it."""

import base64
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from automation.secret import redact
from flows.reporting.accounts import SHOWN, accounts
from flows.reporting.charts import DAYS, ROWS, activity, ages, colour_of, runs, typical
from flows.reporting.fleet import PRESSING, STATES, Fleet
from flows.reporting.needs import needs

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_HERE = Path(__file__).parent
_LIES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What could end the script element that the data stands in."""


def render(fleet: Fleet) -> str:
    """Return the whole page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        stamp=stamp,
        ago=lambda at: ago(at, fleet.now),
        took=took,
        number=number,
        iso=_iso,
        parts=parts,
    )
    style, script = _own("page.css"), _own("page.js")
    counts = fleet.counts
    page = environment.get_template("page.html").render(
        # Ours, read from this folder: the only texts that are not escaped.
        style=Markup(style),  # noqa: S704 -- our own file
        script=Markup(script),  # noqa: S704 -- our own file
        data=Markup(_data(fleet)),  # noqa: S704 -- escaped by _data
        policy=_policy(style, script),
        fleet=fleet,
        counts=counts,
        states=STATES,
        pressing=PRESSING,
        needs=needs(fleet),
        figures=_figures(fleet),
        accounts=accounts(fleet),
        accounts_shown=SHOWN,
        ages=ages(fleet),
        activity=activity(fleet),
        days=DAYS,
        runs=runs(fleet),
        rows_shown=ROWS,
        typical=(steps := typical(fleet.history)),
        slowest=max((each.seconds for each in steps), default=0) or 1,
        months=MONTHS,
        colour_of=colour_of,
    )
    return redact(page)


def encoded(page: str) -> bytes:
    """Return it as a file holds it; half a surrogate pair, which a name may hold, becomes "?"."""
    return page.encode("utf-8", "replace")


def _own(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").strip()


def _policy(style: str, script: str) -> str:
    """Allow our own style and script by their digests, and nothing else: no request at all."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _figures(fleet: Fleet) -> list[tuple[str, str, str]]:
    """Return name, figure and what it is out of, for the head of the page."""
    results = [each.standing.result for each in fleet.pixels]
    holding = len(fleet.ages)
    in_accounts = len({each.account for each in results if each.account})
    verified = sum(each.verified is True for each in results)
    wanted = [each for each in fleet.pixels if each.standing.deliveries]
    delivered = sum(not each.owed for each in wanted)
    due = sum(age >= fleet.limit_days for age in fleet.ages)
    return [
        ("Pixels", number(len(results)), f"in {_several(in_accounts, 'account')}"),
        ("Hold a token", number(holding), _share(holding, len(results))),
        ("Verified", number(verified), _share(verified, holding)),
        ("Delivered", number(delivered), _share(delivered, len(wanted))),
        ("Median age", f"{fleet.median_age:.0f} d", f"oldest {max(fleet.ages, default=0):.0f} d"),
        ("Due", number(due), f"{fleet.limit_days:g} days and older"),
    ]


def _share(part: int, whole: int) -> str:
    # Cut, not rounded: a hundred per cent means all of them.
    return f"{100 * part // whole} % of {number(whole)}" if whole else "of none"


def _several(count: int, what: str) -> str:
    return f"{number(count)} {what}" + ("" if count == 1 else "s")


def _data(fleet: Fleet) -> str:
    """Return the rows of the table as JSON that is safe inside a script element.

    Texts that many rows share stand once, in `texts`, and rows name them by their index.
    """
    texts: dict[str, int] = {}

    def index(text: Any) -> int:
        return texts.setdefault(str(text or ""), len(texts))

    def seconds(text: str | None) -> int:
        return int(datetime.fromisoformat(text).timestamp()) if text else 0

    rows = []
    for each in fleet.pixels:
        standing, result = each.standing, each.standing.result
        rows.append([
            result.pixel, result.fingerprint or "", standing.name,
            index(result.account), index(standing.profile), index(each.state),
            seconds(standing.generated_at) if each.age_days is not None else 0,
            index(_listed(result.stored_in)),
            {True: 1, False: 0, None: -1}[result.verified], seconds(standing.verified_at),
            index(_listed(result.delivered)), index(result.outcome),
            *(index(each.error.get(name)) for name in ("code", "message", "next_step")),
            index(", ".join(each.owed)), index(standing.verified_says),
        ])  # fmt: skip
    facts = {
        "now": int(fleet.now.timestamp()),
        "limit": fleet.limit_days,
        "states": STATES,
        "pressing": PRESSING,
        "texts": list(texts),
        "rows": rows,
    }
    return json.dumps(facts, separators=(",", ":")).translate(_LIES)


def _listed(texts: Iterable[str]) -> str:
    return " ".join(texts)


def parts(step: str) -> list[tuple[str, bool]]:
    """Return a next step's texts, each with whether it is something to type."""
    if step.startswith("pixelmint "):
        return [(step, True)]
    return [(text, at % 2 == 1) for at, text in enumerate(step.split("`")) if text]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def stamp(at: datetime) -> str:
    """Return an absolute time, e.g. "24 Nov 2026, 10:15 UTC"; the name of no locale's month."""
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def ago(at: datetime, now: datetime) -> str:
    """Return how long before `now` a time was, in its largest unit."""
    seconds = (now - at).total_seconds()
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{_several(int(seconds // size), name)} ago"
    return "just now"


def took(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{seconds / 3600:.1f} h"


def number(value: float) -> str:
    """Return a number with a narrow gap between its thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")
