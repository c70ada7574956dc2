"""The table of every store by every case of the contract, written by the run that tries them.

    python -m pytest -p tests.servers.table --store-table FILE tests/test_stores*.py

A pytest plug-in, loaded by name and only when the table is wanted. Without xdist: it counts what
its own process has collected.
"""

from pathlib import Path

import pytest

from tests.store_contract import StoreContract

_SAID = {"passed": "yes", "failed": "**no**", "skipped": "not tried"}
_WORST = ("failed", "skipped", "passed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file's name."""
    parser.addoption("--store-table", metavar="FILE", help="write the stores' table as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    """Begin, where a file was named."""
    if config.getoption("--store-table"):
        config.pluginmanager.register(_Table(Path(config.getoption("--store-table"))))


class _Table:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._cells: dict[str, tuple[str, str]] = {}
        self._outcomes: dict[tuple[str, str], set[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which store and which case each test of the contract is."""
        for item in items:
            kind = getattr(item, "cls", None)
            if isinstance(item, pytest.Function) and kind and issubclass(kind, StoreContract):
                params = item.callspec.params if hasattr(item, "callspec") else {}
                store = str(params.get("place") or kind.__name__.removeprefix("Test").lower())
                case = item.originalname.removeprefix("test_").replace("_", " ")
                self._cells[item.nodeid] = (case, store.partition(":")[0])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how it went; a test of many values counts as its worst."""
        cell = self._cells.get(report.nodeid)
        if cell and (report.when == "call" or report.outcome != "passed"):
            self._outcomes.setdefault(cell, set()).add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        """Write the table; what a store's kind does not promise stays empty."""
        cases = list(dict.fromkeys(case for case, _ in self._outcomes))
        stores = list(dict.fromkeys(store for _, store in self._outcomes))
        lines = [f"| case | {' | '.join(stores)} |", "|---" * (len(stores) + 1) + "|"]
        for case in cases:
            row = [self._cell(case, store) for store in stores]
            lines.append(f"| {case} | {' | '.join(row)} |")
        self._path.write_text("\n".join(lines) + "\n")

    def _cell(self, case: str, store: str) -> str:
        outcomes = self._outcomes.get((case, store), set())
        return next((_SAID[each] for each in _WORST if each in outcomes), "")
