"""Ctrl-C and SIGTERM while a token is in the hand: heard, told of, and waited with."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from automation.signals import held_back

SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Heard(Exception):
    """Raised by the handlers that were there before."""


@pytest.fixture
def handlers() -> Iterator[Callable[[int, object], None]]:
    """Handlers of this test's own, in place of those of whoever runs it."""

    def handler(_number: int, _frame: object) -> None:
        raise Heard

    before = {each: signal.signal(each, handler) for each in SIGNALS}
    yield handler
    for each, old in before.items():
        signal.signal(each, old)


def send(number: int) -> None:
    """Send a signal to this process; its handler has run when this returns."""
    os.kill(os.getpid(), number)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_and_is_told_of_once(number: int) -> None:
    """Work goes on; what came is known afterwards; a person may press twice."""
    said: list[str] = []
    went_on = False
    with held_back(said.append) as came:
        assert came == []
        send(number)
        send(number)
        went_on = True
    assert went_on
    assert came == [number, number]
    assert said == ["stopping after the token in hand is safe"]


@pytest.mark.usefixtures("handlers")
def test_either_signal_after_the_other_is_told_of_once() -> None:
    """Both are kept, in order."""
    said: list[str] = []
    with held_back(said.append) as came:
        for number in SIGNALS:
            send(number)
    assert came == SIGNALS
    assert len(said) == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_afterwards_the_handlers_are_those_from_before(
    handlers: Callable[[int, object], None], number: int
) -> None:
    """Also when the work in hand failed."""
    said: list[str] = []
    with pytest.raises(ZeroDivisionError), held_back(said.append):
        raise ZeroDivisionError
    assert signal.getsignal(number) is handlers
    with pytest.raises(Heard):
        send(number)
    assert said == []


@pytest.mark.parametrize("number", SIGNALS)
def test_where_nothing_is_in_hand_yet_it_ends_at_once(
    handlers: Callable[[int, object], None], number: int
) -> None:
    """Asked anew each time a signal comes; nothing is said, for it is no news."""
    said: list[str] = []
    in_hand = [True]
    reached = []
    with pytest.raises(KeyboardInterrupt), held_back(said.append, lambda: not in_hand[0]) as came:
        send(number)
        reached.append("the first waited")
        in_hand[0] = False
        send(number)
        reached.append("the second did not")
    assert reached == ["the first waited"]
    assert came == [number]
    assert len(said) == 1
    assert signal.getsignal(number) is handlers


@pytest.mark.usefixtures("handlers")
def test_one_inside_another_holds_for_the_inner_and_then_the_outer() -> None:
    """A run of several pixels may hold as a whole and for each."""
    outer_said: list[str] = []
    inner_said: list[str] = []
    with held_back(outer_said.append) as outer:
        with held_back(inner_said.append) as inner:
            send(signal.SIGTERM)
        send(signal.SIGINT)
    assert (inner, outer) == ([signal.SIGTERM], [signal.SIGINT])
    assert (len(inner_said), len(outer_said)) == (1, 1)


def test_in_a_lane_s_thread_it_holds_nothing_and_breaks_nothing(
    handlers: Callable[[int, object], None],
) -> None:
    """Python lets only the main thread have handlers; it waits for its lanes."""
    seen: list[object] = []

    def work() -> None:
        with held_back(lambda _text: None) as came:
            seen.append(came)
            seen.extend(signal.getsignal(each) for each in SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[], handlers, handlers]
