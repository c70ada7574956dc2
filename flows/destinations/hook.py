"""`hook:PROGRAM`: a program of the operator's own is told that a pixel has a new token.

It is given no token: `pixelmint token "$HOOK_PIXEL"` prints it. What it is told stands in its
environment, without the settings that are secret.
"""

from typing import ClassVar, Self

from automation.hooks import find_hook, run_hook
from flows.destinations.base import Parcel
from flows.filing import last_stored, outcome_of
from flows.settings import ConsoleSettings
from flows.workshop import Workshop

SCHEME = "hook"
VARIABLES = (
    "HOOK_PIXEL", "HOOK_ACCOUNT", "HOOK_PROFILE", "HOOK_NAME", "HOOK_FINGERPRINT", "HOOK_INTENT",
    "HOOK_OUTCOME", "HOOK_STORED_IN", "HOOK_VERIFIED",
)  # fmt: skip
"""Not PIXELMINT_...: every such name must be a setting, where a hook calls pixelmint itself."""


def is_hook(url: str) -> bool:
    """Tell a hook from the destinations that are given every token of a pixel."""
    return url.partition(":")[0] == SCHEME


def secret_settings() -> frozenset[str]:
    """Return the variables that hold a secret; the files that `..._FILE` names stay known."""
    fields = ConsoleSettings.model_fields.items()
    return frozenset(f"PIXELMINT_{name.upper()}" for name, field in fields if not field.repr)


class Hook:
    """One program."""

    name: ClassVar[str] = SCHEME

    def __init__(self, program: str, workshop: Workshop) -> None:
        """Take a program that was found."""
        self.url = f"{SCHEME}:{program}"
        self._program, self._workshop = program, workshop

    @classmethod
    def open(cls, url: str, workshop: Workshop) -> Self:
        """Build from `hook:PROGRAM`, an absolute path or a name on PATH."""
        return cls(find_hook(url.partition(":")[2]), workshop)

    def check(self) -> str:
        """Say that it is there; it is not run."""
        return f"{find_hook(self._program)} is there and may be run"

    def deliver(self, parcel: Parcel) -> str:
        """Run it, and wait for its end."""
        workshop, ref = self._workshop, parcel.ref
        last = last_stored(workshop, ref.pixel)
        known = workshop.records.get(ref.pixel)
        mine = last is not None and last[0].id == parcel.intent
        stored_in = last[1]["stored_in"] if last and mine else known.stored_in if known else []
        verified = {True: "true", False: "false", None: ""}[known.verified if known else None]
        values = (
            ref.pixel, ref.account, ref.profile, ref.name, parcel.token.fingerprint, parcel.intent,
            outcome_of(last[0]) if last and mine else "generated", " ".join(stored_in), verified,
        )  # fmt: skip
        about = dict(zip(VARIABLES, values, strict=True))
        run_hook(self._program, about, without=secret_settings())
        return "ran"

    def close(self) -> None:
        """Nothing stays open."""
