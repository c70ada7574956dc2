"""Ctrl-C and SIGTERM wait while a token is in the hand."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_HELD = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def held_back(
    say: Callable[[str], None], may_stop: Callable[[], bool] = lambda: False
) -> Iterator[list[int]]:
    """Hold SIGINT and SIGTERM back, and give the list of those that came.

    Whoever holds them back ends the program afterwards, when the work in hand is told of.

    Args:
        say: is told, when a signal comes, that it is heard and waits.
        may_stop: asked when a signal comes; true while there is nothing to finish yet.

    Outside the main thread, where Python allows no handler, this does nothing: the main thread
    waits for its lanes.

    Raises:
        KeyboardInterrupt: at once, where `may_stop` says so.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if may_stop():
            raise KeyboardInterrupt
        if not came:
            say("stopping after the token in hand is safe")
        came.append(number)

    before = {each: signal.signal(each, note) for each in _HELD}
    try:
        yield came
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
