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
) -> Iterator[None]:
    """Hold SIGINT and SIGTERM back; what came meanwhile ends the program on leaving.

    Args:
        say: is told, when a signal comes, that it is heard and waits.
        may_stop: asked when a signal comes; true while there is nothing to finish yet.

    Outside the main thread, where Python allows no handler, this does nothing: the main thread
    waits for its lanes.

    Raises:
        KeyboardInterrupt: on leaving, when one of the signals came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if may_stop():
            raise KeyboardInterrupt
        if not came:
            say("stopping after the token in hand is safe")
        came.append(number)

    before = {each: signal.signal(each, note) for each in _HELD}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if came:
        raise KeyboardInterrupt
