"""A file in Prometheus' text format, for a node exporter's textfile collector to read.

Written whole or not at all, readable by other users, and without any secret.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.errors import EscrowFailed, UsageError
from automation.files import write_private

_PUBLIC = 0o644
"""The collector runs as somebody else; nothing in the file is secret."""
_ADVICE = "pip install 'pixelmint[metrics]'"


@dataclass
class Gauge:
    """One metric: its name, what it says, and its values by the values of its labels."""

    name: str
    says: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)


def check(path: Path) -> None:
    """Make sure that a file can be written there later.

    Raises:
        UsageError: the library is missing, or there is no such folder.
    """
    _library()
    if not path.absolute().parent.is_dir():
        raise UsageError(
            f"--metrics: there is no folder {path.absolute().parent}",
            next_step="make it, or name a file in the collector's folder, ending in .prom",
        )


def write(path: Path, gauges: Iterable[Gauge]) -> None:
    """Replace the file.

    Raises:
        EscrowFailed: the disk would not take it; the file is as it was.
    """
    library = _library()
    registry = library.CollectorRegistry()
    for each in gauges:
        made = library.Gauge(each.name, each.says, each.labels, registry=registry)
        for labels, value in each.values.items():
            (made.labels(*labels) if each.labels else made).set(value)
    try:
        write_private(path.absolute(), library.generate_latest(registry), mode=_PUBLIC)
        return
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
    raise EscrowFailed(f"{path} was not written ({reason})", next_step="make room there")


def read(path: Path, name: str, label: str) -> dict[str, float]:
    """Return a metric's values by one label, from a file that is there; none where there is none.

    Args:
        path: what `write` wrote before.
        name: of the metric.
        label: its only one.
    """
    _library()
    from prometheus_client.parser import text_string_to_metric_families as families

    try:
        samples = [each for family in families(path.read_text()) for each in family.samples]
        return {each.labels[label]: each.value for each in samples if each.name == name}
    except (OSError, ValueError, KeyError, IndexError):
        return {}


def _library() -> Any:
    try:
        import prometheus_client
    except ImportError:
        pass
    else:
        return prometheus_client
    raise UsageError("--metrics needs an extra that is not installed", next_step=_ADVICE)
