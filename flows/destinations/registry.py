"""From a destination's URL to the destination: the one place that knows all their names."""

import contextlib
import difflib
import importlib
from collections.abc import Iterable
from typing import Self, cast

from automation.errors import UsageError
from flows.destinations.base import Destination
from flows.workshop import Workshop

GROUP = "pixelmint.destinations"
"""Entry-point group in which a package of someone else's names its destination classes."""

_BUILT_IN = {
    "hook": "flows.destinations.hook:Hook",
    "upstack": "flows.destinations.upstack:Upstack",
    "webhook": "flows.destinations.webhook:Webhook",
}


def open_destination(url: str, workshop: Workshop) -> Destination:
    """Build the destination a URL names; its module is imported now and not before.

    Raises:
        UsageError: there is none of that name, or the URL or its settings are wrong.
    """
    return _find(url.partition(":")[0]).open(url, workshop)


def check_destinations(urls: Iterable[str], workshop: Workshop) -> tuple[str, ...]:
    """Return the URLs as each destination writes its own, none twice.

    Raises:
        UsageError: naming each that is unknown or malformed.
    """
    problems, known = [], []
    for url in dict.fromkeys(urls):
        try:
            destination = open_destination(url, workshop)
        except UsageError as problem:
            problems.append(problem)
        else:
            known.append(destination.url)
            destination.close()
    if problems:
        raise UsageError(
            "; ".join(each.message for each in problems), next_step=problems[0].next_step
        )
    return tuple(dict.fromkeys(known))


class Destinations:
    """The destinations of one lane, each opened when it is first needed."""

    def __init__(self, workshop: Workshop) -> None:
        """Remember what they work with; nothing is opened yet."""
        self._workshop = workshop
        self._stack = contextlib.ExitStack()
        self._opened: dict[str, Destination] = {}

    def get(self, url: str) -> Destination:
        """Return a destination; raises UsageError as `open_destination` does."""
        if url not in self._opened:
            self._opened[url] = open_destination(url, self._workshop)
            self._stack.callback(self._opened[url].close)
        return self._opened[url]

    def close(self) -> None:
        """Close all that were opened."""
        self._opened.clear()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _find(scheme: str) -> type[Destination]:
    if scheme in _BUILT_IN:
        return _load(_BUILT_IN[scheme])
    # Imported late: reading the metadata of every installed package is slow, and rarely needed.
    from importlib.metadata import entry_points

    found = list(entry_points(group=GROUP, name=scheme))
    if len(found) == 1:
        return _theirs(scheme, found[0].value)
    known = sorted({*_BUILT_IN, *(each.name for each in entry_points(group=GROUP))})
    near = difflib.get_close_matches(scheme, known, n=1)
    happened = "several packages bring it" if found else "no such destination"
    # The URL is not repeated: without a scheme it may be anything, a pasted token included.
    raise UsageError(
        happened + (f", did you mean {near[0]}?" if near and not found else ""),
        where=f"destination {scheme[:20]}",
        next_step=f"use one of {', '.join(known)}",
    )


def _theirs(scheme: str, target: str) -> type[Destination]:
    try:
        return _load(target)
    except Exception as problem:  # whatever a stranger's module does wrong, it is named here
        kind = type(problem).__name__
    raise UsageError(
        f"the package that brings it cannot be loaded ({kind})",
        where=f"destination {scheme}",
        next_step="repair or uninstall it",
    )


def _load(target: str) -> type[Destination]:
    module, _, name = target.partition(":")
    return cast(type[Destination], getattr(importlib.import_module(module), name))
