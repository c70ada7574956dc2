"""A home folder with a stored token in it, made without any browser."""

from pathlib import Path
from typing import Any

from automation.secret import Secret
from flows.filing import file_token
from flows.settings import ConsoleSettings
from flows.workshop import Workshop

PIXEL = "D69ESQRC77U0KGAU8B90"
OTHER = "D69ESQRC77U0KGAU8BA0"
ACCOUNT = "7654321098765432109"


def workshop(home: Path, **settings: Any) -> Workshop:
    """Open a home folder, as a new process would."""
    given = {"home": home, "pace": 0, **settings}
    return Workshop(ConsoleSettings.model_validate(given), "default", lambda _line: None)


def store(made: Workshop, token: str, pixel: str = PIXEL, *, deliver: tuple[str, ...] = ()) -> str:
    """Do to a token what a generation does after the click; return its intent's id."""
    intent = made.escrow.intend(
        pixel, ACCOUNT, "default", stores=made.settings.store, deliver=deliver
    )
    made.escrow.ask(intent)
    made.escrow.keep(intent, Secret(token))
    filed = file_token(made, intent, Secret(token))
    assert filed.error is None
    return intent.id
