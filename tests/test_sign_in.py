"""What is said of a session that is not good; the rest of signing in is tried in a browser."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automation.errors import AutomationError, HumanCheck, SignInNeeded
from flows import sign_in as module


@pytest.mark.parametrize("met", [HumanCheck("a puzzle", next_step="pass it"), None])
def test_a_puzzle_in_front_of_a_session_is_no_ended_session(
    monkeypatch: pytest.MonkeyPatch, met: HumanCheck | None
) -> None:
    """Whoever is told to sign in again would meet the same puzzle and not know why."""

    def prove(_lane: Any, _state: Any, _url: str, looks: Any, _patience_s: float) -> None:
        assert not looks(None)
        raise SignInNeeded("the session has ended")

    monkeypatch.setattr(module, "prove", prove)
    monkeypatch.setattr(module.obstacles, "kind_of", lambda _page, _wording: met)
    workshop: Any = SimpleNamespace(wording=None, settings=SimpleNamespace(patience=1))
    site = module._Site("Events Manager", "https://a.example", "https://a.example/", _no)
    with pytest.raises(AutomationError) as caught:
        module._proven(workshop, Path(), [(site, {})])  # type: ignore[arg-type]  # no lane is used
    assert caught.value.code == ("human_check" if met else "sign_in_needed")


def _no(*_arguments: Any) -> bool:
    return False
