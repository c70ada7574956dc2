"""A fleet drawn by a seed, for tests and pictures of the report: nothing in it is anybody's."""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from automation.history import Entry
from automation.report import Result
from flows.reporting.fleet import Fleet, fleet_of
from flows.status import Standing

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
LIMIT = timedelta(days=60)
_STORES = (["local:"], ["vault:kv/pixels/{pixel}"], ["dotenv:.env", "aws-ssm:/pixels/{pixel}"])
_SHOPS = (
    "Alder Bramble Clove Dune Ember Fern Grove Hazel Iris Juniper Kelp Larch Moss Nettle".split()
)
_KINDS = "Outlet,Market,Studio,Supply,Garden,Coffee,Books,Cycles".split(",")

TROUBLE: dict[str, tuple[str, str]] = {
    "sign_in_needed": ("the session of profile agency has ended", "pixelmint sign-in"),
    "human_check": (
        "the console asks for a verification code",
        "answer it in a visible browser: pixelmint sign-in",
    ),
    "delivery_failed": ("upstack: still unhealthy after 3 tries", "pixelmint recover"),
    "permission_denied": (
        "the console says: you do not have permission",
        "ask for the Admin role (in some accounts Operator) on this pixel in the Business Center",
    ),
    "token_unread": (
        "a token was asked for at 2026-11-23 02:14:09 UTC and none could be captured",
        "look at the pixel's Events API section, then `pixelmint generate --replace`",
    ),
    "site_busy": (
        "the console answered: too many requests (HTTP 429)",
        "wait a few minutes, then run the same command again",
    ),
}


def code(number: int) -> str:
    """Return a pixel's code of the usual shape."""
    digest = hashlib.sha256(f"pixel {number}".encode()).digest()
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
    return "D" + "".join(letters[each % 32] for each in digest[:18]) + "0"


def standing(number: int, **changes: Any) -> Standing:
    """Return one pixel that is well, ten days old, but for what is changed of it.

    Args:
        number: which; gives code, account and name.
        changes: fields of `Result` or of `Standing`; `age_days` sets when the token was shown.
    """
    age = timedelta(days=changes.pop("age_days", 10))
    own = {name: changes.pop(name) for name in list(changes) if name in Standing.__annotations__}
    account = f"70{number % 9:02d}0000{number % 9:04d}00001"
    facts: dict[str, Any] = {
        "fingerprint": hashlib.sha256(f"token {number}".encode()).hexdigest()[:12],
        "stored_in": ["local:"], "verified": True, "delivered": [],
    }  # fmt: skip
    facts.update(changes)
    result = Result(
        facts.pop("pixel", code(number)), facts.pop("account", account),
        facts.pop("outcome", "generated"), **facts,
    )  # fmt: skip
    named = f"{_SHOPS[number % 14]} {_KINDS[number // 14 % 8]}"
    shown = None if result.fingerprint is None else (NOW - age).isoformat()
    verified_at = None if result.verified is None else (NOW - age / 2).isoformat()
    default: dict[str, Any] = {
        "profile": "agency", "name": named, "generated_at": shown, "verified_at": verified_at,
    }  # fmt: skip
    return Standing(result, **{**default, **own})


def delivery(destination: str = "upstack:", *, error: str | None = None) -> dict[str, Any]:
    """Return a delivery as `status` tells of it; with an error it is open."""
    return {
        "destination": destination, "state": "failed" if error else "done", "fingerprint": None,
        "open": error is not None, "tries": 3 if error else 1, "error": error, "at": None,
    }  # fmt: skip


def failed(error_code: str) -> dict[str, Any]:
    """Return what a pixel that failed with a code has of its own."""
    message, step = TROUBLE[error_code]
    return {
        "outcome": "failed",
        "error": {"code": error_code, "message": message, "next_step": step},
    }


def drawn(count: int, *, seed: int = 7, limit: timedelta = LIMIT) -> Fleet:
    """Return a fleet of some size: most of it well, a little of everything else."""
    draw = random.Random(seed)
    standings = [_drawn(number, draw) for number in range(count)]
    return fleet_of(standings, _history(standings, draw), limit, NOW)


def _drawn(number: int, draw: random.Random) -> Standing:
    account = int(draw.random() ** 2 * 14)
    age = min(draw.gammavariate(2.2, 15), 96) if draw.random() < 0.93 else draw.uniform(50, 75)
    wanted = draw.random() < 0.8
    facts: dict[str, Any] = {
        "age_days": age, "stored_in": draw.choice(_STORES),
        "delivered": ["upstack:"] if wanted else [],
        "deliveries": [delivery()] if wanted else [],
        "account": f"7{account:03d}84130052971{account:04d}",
        "outcome": "rotated" if draw.random() < 0.6 else "generated",
        "verified": True if draw.random() < 0.97 else None,
    }  # fmt: skip
    luck = draw.random()
    if account == 5 and luck < 0.4:
        facts.update(failed("sign_in_needed"))
    elif luck < 0.004:
        facts.update(failed("token_unread"), fingerprint=None, verified=None)
    elif luck < 0.012:
        facts.update(failed("human_check"))
    elif luck < 0.018:
        facts.update(failed("permission_denied"), fingerprint=None, verified=None, stored_in=[])
    elif luck < 0.026:
        facts.update(delivered=[], deliveries=[delivery(error="still unhealthy after 3 tries")])
    elif luck < 0.03:
        facts.update(failed("site_busy"))
    elif luck < 0.034:
        facts.update(verified=False)
    elif luck < 0.037:
        facts.update(outcome="failed", stored_in=["local:"], waits_in_escrow=True, error={
            "code": "store_failed", "message": "vault:kv/pixels/{pixel}: it does not answer",
            "next_step": "mend the store, then run `pixelmint recover`"})  # fmt: skip
    return standing(number, **facts)


def _history(standings: list[Standing], draw: random.Random) -> list[Entry]:
    found: list[Entry] = []
    for back in range(34, -1, -1):
        began = (NOW - timedelta(days=back)).replace(hour=2, minute=0)
        rows = draw.randint(4, 14) if back % 7 < 5 else draw.randint(0, 3)
        run = f"{began:%Y%m%d}"
        for _ in range(rows):
            began += timedelta(seconds=draw.uniform(6, 9))
            each = draw.choice(standings).result
            bad = draw.random() < (0.5 if back in (11, 12) else 0.3 if back == 0 else 0.06)
            found.append(
                Entry(
                    run, "rotate", each.pixel or "", each.account or "",
                    "failed" if bad else "rotated",
                    draw.choice(["site_busy", "human_check"]) if bad else None,
                    0.0, _phases(draw, bad=bad), began,
                )
            )  # fmt: skip
    return [_timed(each) for each in found]


def _phases(draw: random.Random, *, bad: bool) -> dict[str, float]:
    usual = {"look up": 0.03, "open": 1.4, "find": 0.5, "wait": 1.1, "ask": 0.9, "store": 0.12,
             "verify": 0.35, "deliver": 1.6}  # fmt: skip
    drawn_ = {name: seconds * draw.uniform(0.7, 1.7) for name, seconds in usual.items()}
    names = list(drawn_)
    last = names.index(draw.choice(["open", "ask"])) if bad else len(names)
    return {name: drawn_[name] for name in names[: last + 1]}


def _timed(entry: Entry) -> Entry:
    return Entry(**{**entry.__dict__, "seconds": sum(entry.phases.values())})
