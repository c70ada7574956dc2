"""A list against a console that fails, the process killed on the way: the benchmark, made small."""

import pytest

from tests.benchmarks.load import alone
from tests.flows_helpers import LIMIT_S

pytest_plugins = ("tests.flows_fixtures",)
pytestmark = pytest.mark.timeout(LIMIT_S)


def test_every_row_ends_as_the_console_s_ledger_says(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Nothing lost in silence, nothing asked for twice, one at a time in an account."""
    came = alone(tmp_path_factory.mktemp("l"), rows=4, accounts=2, rate=0.15, kills=1)
    assert came.wrong == []
    assert len(came.rows) == 4 and sum(came.faults.values()) > 0
