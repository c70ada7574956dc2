"""Deploy hooks: told of a new token and never given it; what fails is run again by the next run."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from automation import hooks
from automation.errors import DeliveryFailed, UsageError
from automation.hooks import find_hook, run_hook
from automation.report import Result
from automation.secret import Secret
from flows.deliver import owing, settle_deliveries
from flows.destinations.hook import VARIABLES, secret_settings
from flows.destinations.registry import Destinations, check_destinations
from flows.finish import finish
from flows.workshop import Workshop
from tests.tokens_helpers import ACCOUNT, PIXEL, store, workshop

TOKEN = "fixture-token-of-the-hooks-0001"
SECOND = "fixture-token-of-the-hooks-0002"

MakeHook = Callable[[str], str]


@pytest.fixture
def make_hook(tmp_path: Path) -> MakeHook:
    """Write a program; return its path."""

    def make(body: str) -> str:
        path = tmp_path / "hook"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return str(path)

    return make


def settled(made: Workshop, outcome: str, *more: str) -> Result:
    """Do what a turn does when its token is stored."""
    last = made.records.get(PIXEL)
    assert last is not None
    result = Result(PIXEL, ACCOUNT, "generated", last.fingerprint, ["local:"])
    result.outcome = "kept" if outcome == "kept" else "generated"
    with Destinations(made) as destinations:
        settle_deliveries(made, result, destinations, check_destinations(more, made))
    return result


def test_it_is_told_everything_but_the_token_and_the_secrets(
    home: Path, make_hook: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No argument, nothing on its standard input; its environment holds no secret setting."""
    seen = home / "seen"
    hook = make_hook(f"env > '{seen}'; cat >> '{seen}'; echo \"args: $#\" >> '{seen}'")
    made = workshop(home)
    intent = store(made, TOKEN)
    for name in secret_settings():
        monkeypatch.setenv(name, "a-secret-of-ours")
    monkeypatch.setenv("PIXELMINT_KEY_FILE", "/run/key")
    result = settled(made, "generated", f"hook:{hook}")
    assert (result.outcome, result.error, result.delivered) == ("generated", None, [f"hook:{hook}"])
    text = seen.read_text()
    told = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("HOOK_"))
    assert set(told) == set(VARIABLES)
    assert told["HOOK_PIXEL"] == PIXEL and told["HOOK_ACCOUNT"] == ACCOUNT
    assert told["HOOK_FINGERPRINT"] == Secret(TOKEN).fingerprint
    assert (told["HOOK_INTENT"], told["HOOK_STORED_IN"]) == (intent, "local:")
    assert told["HOOK_OUTCOME"] == "generated" and told["HOOK_VERIFIED"] == ""
    assert TOKEN not in text and "a-secret-of-ours" not in text and "args: 0" in text
    assert "PIXELMINT_KEY_FILE=/run/key" in text
    unknown = [line for line in text.splitlines() if line.startswith("PIXELMINT_HOOK")]
    assert unknown == []  # a hook that calls pixelmint would be refused


def test_what_it_prints_goes_to_stderr_redacted(
    home: Path, make_hook: MakeHook, capfd: pytest.CaptureFixture[str]
) -> None:
    """Results alone stand on stdout."""
    made = workshop(home)
    store(made, TOKEN)
    settled(made, "generated", f"hook:{make_hook(f'echo one; echo {TOKEN} >&2')}")
    said = capfd.readouterr()
    assert said.out == "" and TOKEN not in said.err
    assert said.err.splitlines()[0] == "hook: one" and len(said.err.splitlines()) == 2


def test_a_hook_that_fails_is_a_failure_until_it_has_run(home: Path, make_hook: MakeHook) -> None:
    """Exit 4; the next run, or `recover`, runs it again, whoever names it."""
    made = workshop(home)
    store(made, TOKEN)
    hook = make_hook("exit 3")
    result = settled(made, "generated", f"hook:{hook}")
    assert (result.outcome, result.exit_code, result.delivered) == ("failed", 4, [])
    error = result.as_json()["error"]
    assert error["code"] == "delivery_failed" and "exit 3" in error["message"]
    assert owing(made) == [PIXEL]
    assert settled(made, "kept").exit_code == 4
    make_hook("exit 0")
    (result,) = finish(made)
    assert (result.outcome, result.error) == ("kept", None)
    assert owing(made) == [] and list(finish(made)) == []


def test_it_runs_once_a_token_and_only_for_runs_that_name_it(
    home: Path, make_hook: MakeHook
) -> None:
    """What is kept is none of its business; a later token without its name neither."""
    made = workshop(home)
    store(made, TOKEN)
    hook = f"hook:{make_hook(f'echo $HOOK_FINGERPRINT >> {home}/runs')}"
    settled(made, "kept", hook)
    assert not (home / "runs").exists()
    settled(made, "generated", hook)
    settled(made, "generated", hook)
    store(made, SECOND)
    settled(made, "generated")
    assert owing(made) == []
    settled(made, "generated", hook)
    prints = [Secret(each).fingerprint for each in (TOKEN, SECOND)]
    assert (home / "runs").read_text().split() == prints


def test_a_crash_between_store_and_hook_leaves_it_owed(home: Path, make_hook: MakeHook) -> None:
    """The intent says that it is wanted, also for a pixel it has run for before."""
    made = workshop(home)
    hook = f"hook:{make_hook('exit 0')}"
    store(made, TOKEN, deliver=(hook,))
    assert owing(made) == [PIXEL] and next(finish(made)).delivered == [hook]
    store(made, SECOND, deliver=(hook,))
    assert owing(made) == [PIXEL] and next(finish(made)).delivered == [hook]
    assert owing(made) == []


def test_what_is_no_program_is_refused_before_anything_is_done(
    tmp_path: Path, make_hook: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absolute or found on PATH; never something that anybody may change."""
    path = make_hook("exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_hook("hook") == find_hook(path) == path
    for wrong in ("", "no-such", "./hook", f"{path} --argument", f"{tmp_path}/none", "a\0b"):
        with pytest.raises(UsageError):
            find_hook(wrong)
    Path(path).chmod(0o600)
    with pytest.raises(UsageError, match="no program that can be run"):
        find_hook(path)
    Path(path).chmod(0o777)
    with pytest.raises(UsageError, match="changed by anybody"):
        find_hook(path)
    assert os.stat(path).st_mode & stat.S_IWOTH


def test_one_that_does_not_end_is_ended_with_all_it_started(
    make_hook: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that leaves something running in the background does not hold a run up."""
    said: list[str] = []
    run_hook(make_hook("echo before; sleep 3 & echo after"), {}, tell=said.append)
    assert said == ["hook: before", "hook: after"]
    monkeypatch.setattr(hooks, "LIMIT_S", 0.2)
    with pytest.raises(DeliveryFailed, match=r"still running after 0\.2 s"):
        run_hook(make_hook("sleep 600"), {}, tell=said.append)
    with pytest.raises(DeliveryFailed, match="signal 9"):
        run_hook(make_hook("kill -9 $$"), {}, tell=said.append)
    with pytest.raises(DeliveryFailed, match=r"No such file"):
        run_hook("/no/such/program", {}, tell=said.append)
