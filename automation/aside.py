"""Something read beside what is being done, in the same thread: Playwright allows one per thread.

A greenlet of its own is begun from Playwright's loop, as Playwright begins an event's handler. It
goes on whenever the rest of the thread waits for a browser, and never otherwise.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import greenlet

from automation.errors import AutomationError

T = TypeVar("T")

log = logging.getLogger(__name__)


class Aside(Generic[T]):
    """One call that runs beside the thread's other work on the same Playwright."""

    def __init__(self, do: Callable[[], T]) -> None:
        """Begin at the next wait for a browser.

        Args:
            do: works with pages that nothing else touches meanwhile.
        """
        self._do = do
        self._value: list[T] = []
        self.done = False
        """Whether it has ended, however."""
        self.problem: AutomationError | None = None
        """What it ended with, where it was one of ours."""
        self._beside = greenlet.getcurrent()
        asyncio.get_running_loop().call_soon(lambda: greenlet.greenlet(self._run).switch())

    @property
    def value(self) -> T | None:
        """What it returned; None while it runs, and where it ended with an error."""
        return self._value[0] if self._value else None

    def _run(self) -> None:
        try:
            self._value = [self._do()]
        except AutomationError as problem:
            self.problem = problem
        except KeyboardInterrupt as problem:
            # Python gave it to whoever ran just now; it is meant for the work, not for this.
            self.done = True
            self._beside.throw(problem)
        except Exception as problem:  # whoever asked does it again, and meets it there
            log.debug("what was read ahead failed: %s", type(problem).__name__)
        finally:
            self.done = True
