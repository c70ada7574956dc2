"""What `python -m tests` says last, where several pytests ran."""

import pytest

from tests.running import Ended, closing


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["== 3 passed in 2.50s ==", "1 failed, 2 passed, 1 error in 60.10s (0:01:00)"],
         "1 failed, 5 passed, 1 errors in 60.10s"),
        (["=== 2 passed, 1 warning in 1.00s ===", "2 passed, 1 skipped in 0.50s"],
         "4 passed, 1 skipped, 1 warnings in 1.00s"),
        (["== 3 passed in 2.50s ==", "no tests ran in 0.01s"], "no tests ran in 0.01s"),
        (["== 3 passed in 2.50s ==", "Fatal Python error"], "Fatal Python error"),
        ([""], ""),
    ],
)  # fmt: skip
def test_the_closing_line_counts_the_tests_of_all(lines: list[str], says: str) -> None:
    """Or is the one that counts nothing, which is what somebody must see."""
    assert closing(lines).strip("= ") == says


def test_failures_are_told_by_name() -> None:
    """Failures and errors, as pytest's summary has them."""
    lines = ["E   FAILED is no name", "FAILED tests/test_x.py::test_a - assert 0", "ERROR tests/y"]
    assert Ended(1, lines).failures == lines[1:]
