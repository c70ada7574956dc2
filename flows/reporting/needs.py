"""What somebody has to do, grouped by cause, with the next step of each."""

from collections import Counter
from dataclasses import dataclass

from flows.reporting.fleet import PRESSING, Fleet, Pixel

_TITLES = {
    "waiting": ("A token waits in escrow", "Shown once and safe, but not in every store."),
    "token_unread": ("Asked for, not captured", "A token may exist there that nobody holds."),
    "sign_in_needed": ("Sign in again", "The session has ended."),
    "human_check": ("The console asks for a person", "A puzzle, a code or a consent."),
    "verify_failed": ("The Events API rejects the token", "Events sent with it are lost."),
    "delivery_failed": ("Not delivered", "The token is stored; its destination has not taken it."),
    "store_failed": ("A store did not take the token", "It is safe in escrow."),
    "pixel_not_found": ("Pixel not found", "It is not where this sign-in can see it."),
    "wrong_pixel": ("The page showed another pixel", "Nothing was clicked."),
    "token_exists": ("A token exists already", "Another was not asked for; nothing was clicked."),
    "permission_denied": ("Permission is missing", "The person signed in may not generate there."),
    "page_changed": ("The page has changed", "A control was not surely found; nothing clicked."),
    "site_busy": ("The console was busy", "It asks for patience."),
    "site_refused": ("The console refused", "Its own words are beside each pixel."),
}  # fmt: skip
_STEPS = {
    "waiting": "pixelmint recover",
    "sign_in_needed": "pixelmint sign-in",
    "verify_failed": "pixelmint rotate",
    "delivery_failed": "pixelmint recover",
    "site_busy": "wait a few minutes, then run the same command again",
}
"""The next step where the errors themselves name none."""


@dataclass(frozen=True)
class Need:
    """One cause and the pixels it stands in the way of."""

    key: str
    """The error's code, "waiting", or "due"."""
    state: str
    """A key of `STATES`, for its colour."""
    title: str
    why: str
    next_step: str
    pixels: list[Pixel]
    query: str
    """What to type into the filter to see these pixels."""

    @property
    def accounts(self) -> list[tuple[str, int]]:
        """The accounts it is about and how many pixels in each, most first."""
        return Counter(each.standing.result.account or "" for each in self.pixels).most_common()


def needs(fleet: Fleet) -> list[Need]:
    """Return what needs a person, the most pressing first; what is merely due comes last."""
    found: dict[tuple[str, str], list[Pixel]] = {}
    for each in fleet.pixels:
        if each.state in PRESSING:
            found.setdefault((each.state, _key(each)), []).append(each)
    # A person first, then as the states stand, the largest group of each first.
    order = sorted(found, key=lambda at: (PRESSING.index(at[0]), -len(found[at])))
    made = [_need(state, key, found[state, key]) for state, key in order]
    if due := [each for each in fleet.pixels if each.state == "due"]:
        made.append(_due(fleet, due))
    return made


def _key(pixel: Pixel) -> str:
    if pixel.state == "waiting":
        return "waiting"
    fixed = {"rejected": "verify_failed", "undelivered": "delivery_failed"}.get(pixel.state)
    return fixed or str(pixel.error.get("code") or "failed")


def _need(state: str, key: str, pixels: list[Pixel]) -> Need:
    title, why = _TITLES.get(key, ("The last run failed", "The reason is beside each pixel."))
    said = Counter(step for each in pixels if (step := each.error.get("next_step")))
    step = _STEPS.get(key) if key in ("waiting", "sign_in_needed") else None
    step = step or (said.most_common(1)[0][0] if said else _STEPS.get(key, "look at the message"))
    if key == "sign_in_needed":
        profiles = sorted({each.standing.profile or "default" for each in pixels})
        named = [each for each in profiles if each != "default"]
        step = " && ".join(
            [f"pixelmint --profile {each} sign-in" for each in named]
            + ["pixelmint sign-in"] * ("default" in profiles)
        )
    by_state = state in ("waiting", "rejected", "undelivered")
    query = f"state:{state}" if by_state else f"code:{key}"
    return Need(key, state, title, why, step, pixels, query)


def _due(fleet: Fleet, pixels: list[Pixel]) -> Need:
    return Need(
        "due", "due", "Due for rotation",
        f"Tokens of {fleet.limit_days:g} days and older.",
        f"pixelmint rotate --older-than {fleet.limit_days:g}d",
        pixels, "state:due",
    )  # fmt: skip
