"""A stopwatch over the steps of one piece of work: which step took how long, and which was last."""

import time
from dataclasses import dataclass, field


@dataclass
class Phases:
    """Steps by name in the order they were first begun. Names only: nothing here is secret."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of each step so far; one that is begun again goes on counting."""
    _name: str = ""
    _since: float = 0.0

    def begin(self, name: str) -> None:
        """End the step before, if one is running, and begin this one."""
        self.end()
        self._name, self._since = name, time.monotonic()
        self.seconds.setdefault(name, 0.0)

    def end(self) -> None:
        """End the step that is running; without one nothing happens."""
        if self._name:
            self.seconds[self._name] += time.monotonic() - self._since
            self._name = ""
