"""How a run over many pixels is shown: what is in sight, how wide, and where nothing is."""

import io
import sys

import pytest
from rich.console import Console

from automation.errors import HumanCheck, SiteBusy
from automation.report import Result
from automation.secret import Secret
from flows.display import Board, Watch, span, watch_for, watched

ONE, TWO, THREE = "7094548966450686471", "7187244670084704729", "profile agency"


def result(error: Exception | None = None) -> Result:
    """Make a row's result."""
    return Result("D69ESQRC77U0KGAU8B90", ONE, "failed" if error else "generated",
                  error=error)  # type: ignore[arg-type]  # fmt: skip  # an AutomationError


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def begun(out: list[str] | None = None, console: Console | None = None) -> tuple[Watch, Clock]:
    """Begin a run over three accounts; a minute later five of nine rows have ended."""
    clock = Clock()
    watch = Watch(Board(clock), out.append if out is not None else None, console)
    watch.begin({ONE: 3, TWO: 4, THREE: 2})
    clock.now = 60.0
    for each in (None, SiteBusy("busy"), None):
        watch.note(ONE, result(each))
    watch.note(TWO, result(None))
    watch.note(TWO, result(HumanCheck("a puzzle")))
    watch.doing(TWO, "generating for D69ESQRC77U0KGAU8B90 in account " + TWO)
    return watch, clock


def shown(watch: Watch, width: int, height: int = 24, *, plain: bool = False) -> list[str]:
    """Return the lines of the display."""
    screen = io.StringIO()
    colours = None if plain else "standard"
    console = Console(file=screen, width=width, force_terminal=True, color_system=colours)
    console.print(watch.look(width, height))
    return screen.getvalue().splitlines()


def test_an_account_at_work_has_a_line_and_the_whole_has_one() -> None:
    """Done, failed, waiting for a person, rate, time left; what is through is out of sight."""
    watch, _ = begun()
    account, whole = shown(watch, 120, plain=True)
    assert TWO in account and "2/4  1 waiting for a person  generating for" in account
    assert "5/9 rows, 3 done, 1 failed, 1 waiting for a person, 4.0/min, 60 s left" in whole


@pytest.mark.parametrize("width", [80, 40, 20])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """An account is known by its end where there is little room, and the whole goes on below."""
    watch, _ = begun()
    lines = shown(watch, width, plain=True)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith(TWO if width >= 60 else TWO[-8:])
    assert "5/9 rows" in " ".join(lines)


def test_no_more_lines_than_the_terminal_has() -> None:
    """Those that are left out are counted."""
    watch = Watch(Board())
    watch.begin({f"{n:019}": 2 for n in range(50)})
    for n in range(50):
        watch.doing(f"{n:019}", "opening")
    lines = shown(watch, 80, height=10, plain=True)
    assert len(lines) <= 10
    assert "and 43 more" in lines[-2]


def test_without_colour_nothing_but_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is heard."""
    monkeypatch.setenv("NO_COLOR", "1")
    watch, _ = begun()
    assert not any("\x1b[3" in line for line in shown(watch, 80))
    monkeypatch.delenv("NO_COLOR")
    assert any("\x1b[3" in line for line in shown(watch, 80))


def test_without_a_terminal_an_account_has_one_line_when_it_is_through() -> None:
    """And what a lane is doing is told by others."""
    lines: list[str] = []
    watch, _ = begun(lines)
    assert lines == [
        f"{ONE}: 2 of 3 done, 1 failed; 3/9 rows, 2 done, 1 failed, 3.0/min, 2 min left"
    ]
    assert not watch.is_live


def test_a_token_that_somebody_says_is_not_shown() -> None:
    """As everywhere."""
    watch, _ = begun()
    token = Secret("fixture-token-on-display")
    watch.doing(TWO, f"storing {token.reveal()}")
    assert not any("fixture-token" in line for line in shown(watch, 200))


def test_the_display_is_on_stderr_and_gone_when_the_results_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also when they end in the middle; stdout has nothing of it."""
    console = Console(stderr=True, force_terminal=True, width=80)
    watch, _ = begun(console=console)
    assert watch.is_live
    with pytest.raises(ZeroDivisionError):
        list(watched(watch, (result() if n else 1 / 0 for n in (1, 0))))  # type: ignore[misc]  # it is to fail
    assert not watch.is_live
    said = capsys.readouterr()
    assert said.out == "" and "5/9 rows" in said.err


@pytest.mark.parametrize(
    ("verbosity", "as_json", "terminals", "says"),
    [
        (0, False, (True, True), "live"),
        (0, True, (False, True), "live"),
        (0, True, (True, True), "lines"),
        (0, False, (True, False), "lines"),
        (1, False, (True, True), "lines"),
        (-1, False, (True, True), "nothing"),
        (-1, False, (False, False), "nothing"),
    ],
)
def test_it_is_live_on_a_terminal_lines_elsewhere_and_nothing_with_q(
    monkeypatch: pytest.MonkeyPatch,
    verbosity: int,
    as_json: bool,
    terminals: tuple[bool, bool],
    says: str,
) -> None:
    """JSON Lines on the same terminal are not torn, and -v has its own lines."""
    for stream, is_terminal in zip((sys.stdout, sys.stderr), terminals, strict=True):
        monkeypatch.setattr(stream, "isatty", lambda answer=is_terminal: answer)
    monkeypatch.setenv("TERM", "xterm")
    watch = watch_for(verbosity=verbosity, as_json=as_json)
    kind = "live" if watch._console else "lines" if watch._out else "nothing"
    assert kind == says


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (7140, "119 min"),
                          (12_000, "3 h 20 min")],
)  # fmt: skip
def test_a_length_of_time_is_said_as_people_do(seconds: float, said: str) -> None:
    """At the edges."""
    assert span(seconds) == said
