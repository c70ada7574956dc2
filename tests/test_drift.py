"""A slice of the drift benchmark: changed pages, the right control or none, and none without it."""

from collections.abc import Iterator

import pytest

from automation.browser import Lane
from flows.wording import load
from tests.benchmarks import drift as benchmark
from tests.benchmarks.drift import PIXELMINT, REFUSED, RIGHT, Drift, Tally
from tests.benchmarks.drift_pages import BUILDS


@pytest.fixture(scope="module")
def tally(lane: Lane) -> Iterator[Tally]:
    """Every build once, through four generations: 40 changed pages, and 40 without the control."""
    drift = Drift(lane.open(), load())
    for number in range(len(BUILDS)):
        drift.chain(7, number)
    yield drift.tally
    lane.close_context()


def test_nothing_else_is_ever_clicked(tally: Tally) -> None:
    """Not on a changed page, and nothing at all where the control is not there."""
    assert tally.pages == benchmark.GENERATIONS * len(BUILDS)
    assert tally.wrong == 0, tally.notes
    gone = {key: n for key, n in tally.gone.items() if key[0] == PIXELMINT}
    assert sum(gone.values()) == tally.pages
    assert {outcome for _, _, outcome in gone} == {REFUSED}


def test_it_is_found_on_every_page_whose_words_are_known(tally: Tally) -> None:
    """Unchanged in all builds; changed, wherever the wording knows what section and button say."""
    assert tally.there[PIXELMINT, 0, RIGHT] == len(BUILDS)
    refused = sum(n for (method, _, said), n in tally.there.items()
                  if (method, said) == (PIXELMINT, REFUSED))  # fmt: skip
    assert refused == sum(tally.unknown.values()), tally.notes


def test_the_methods_it_is_measured_against_know_the_unchanged_page(tally: Tally) -> None:
    """All were learned on it; to be better than one that never works would say nothing."""
    assert {method for method, _, _ in tally.there} == set(benchmark.METHODS)
    for method in benchmark.METHODS:
        assert tally.there[method, 0, RIGHT] == len(BUILDS), method


def test_what_is_wrong_is_counted_as_wrong(tally: Tally) -> None:
    """Similo always takes something: on pages without the control each answer is a wrong click."""
    said = [outcome for method, _, outcome in tally.gone if method.startswith("Similo")]
    assert set(said) == {"wrong"}
    assert tally.there["absolute XPath", 4, RIGHT] < len(BUILDS)
