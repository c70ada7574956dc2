"""The report's figures: every pixel in one state, needs by cause, charts that add up."""

import json
import re
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.history import Entry
from flows.reporting.accounts import accounts
from flows.reporting.charts import activity, ages, runs, typical
from flows.reporting.fleet import STATES, Fleet, fleet_of
from flows.reporting.needs import needs
from flows.reporting.page import ago, encoded, parts, render, took
from flows.reporting.summary import summary
from tests.drawn_fleet import LIMIT, NOW, delivery, drawn, failed, standing
from tests.flows_helpers import MakeUser

pytest_plugins = ("tests.flows_fixtures",)

NO_TOKEN: dict[str, Any] = {"fingerprint": None, "verified": None, "stored_in": []}


def fleet(*changes: dict[str, Any], history: list[Entry] | None = None) -> Fleet:
    """A fleet of one pixel for each set of changes."""
    standings = [standing(at, **each) for at, each in enumerate(changes)]
    return fleet_of(standings, history or [], LIMIT, NOW)


def turn(number: int, **changes: Any) -> Entry:
    """One turn of a run."""
    facts: dict[str, Any] = {
        "run": "r", "command": "generate", "pixel": f"P{number}", "account": "7",
        "outcome": "generated", "code": None, "seconds": 4.0, "phases": {"open": 3.0, "ask": 1.0},
        "at": NOW - timedelta(days=number),
    }  # fmt: skip
    return Entry(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "fresh"),
        ({"age_days": 47.9}, "fresh"),
        ({"age_days": 48}, "soon"),
        ({"age_days": 60}, "due"),
        ({"verified": None}, "fresh"),
        ({"verified": False, "age_days": 90}, "rejected"),
        (failed("sign_in_needed"), "person"),
        (failed("human_check"), "person"),
        (failed("site_busy"), "failed"),
        (failed("delivery_failed"), "undelivered"),
        ({"deliveries": [delivery(), delivery("webhook:x", error="no")]}, "undelivered"),
        ({"deliveries": [delivery()]}, "fresh"),
        ({**failed("token_unread"), **NO_TOKEN}, "failed"),
        ({**failed("site_busy"), "waits_in_escrow": True}, "waiting"),
        ({"outcome": "failed", **NO_TOKEN}, "none"),
        (NO_TOKEN, "none"),
    ],
)
def test_every_pixel_is_in_one_state(changes: dict[str, Any], state: str) -> None:
    """The most pressing that holds."""
    assert [each.state for each in fleet(changes).pixels] == [state]


def test_needs_are_grouped_by_cause_the_most_pressing_first() -> None:
    """With the next step that the errors name; what is merely due comes last."""
    found = needs(
        fleet(
            {"age_days": 70}, failed("permission_denied"), failed("sign_in_needed"),
            {**failed("site_busy"), "waits_in_escrow": True}, failed("sign_in_needed"), {},
        )
    )  # fmt: skip
    assert [(each.key, len(each.pixels)) for each in found] == [
        ("waiting", 1), ("sign_in_needed", 2), ("permission_denied", 1), ("due", 1),
    ]  # fmt: skip
    assert [each.next_step for each in found] == [
        "pixelmint recover",
        "pixelmint --profile agency sign-in",
        "ask for the Admin role (in some accounts Operator) on this pixel in the Business Center",
        "pixelmint rotate --older-than 60d",
    ]
    assert needs(fleet({})) == []


def test_a_pixel_that_is_known_by_its_name_alone_needs_nobody() -> None:
    """Nothing was tried on it."""
    assert fleet({"outcome": "failed", **NO_TOKEN}).pressing == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 4000), max_size=30),
    st.floats(0.5, 400),
)
def test_bars_hold_every_age_and_the_limit_is_at_an_edge(found: list[float], limit: float) -> None:
    """Whatever the ages and the limit."""
    standings = [standing(at, age_days=age) for at, age in enumerate(found)]
    made = fleet_of(standings, [], timedelta(days=limit), NOW)
    chart = ages(made)
    assert sum(bar.count for bar in chart.bars) == len(found)
    assert max(bar.left + bar.width for bar in chart.bars) == pytest.approx(100)
    edge = next(bar for bar in chart.bars if bar.left == pytest.approx(chart.limit_left))
    assert edge.begin == pytest.approx(made.limit_days)
    before = sum(bar.count for bar in chart.bars if bar.band != "due")
    under = sum(age < made.limit_days * (1 - 1e-6) for age in made.ages)
    at_most = sum(age <= made.limit_days * (1 + 1e-6) for age in made.ages)
    assert under <= before <= at_most


def test_days_count_what_was_made_and_what_failed() -> None:
    """A dry run makes nothing, and a day outside of the chart is left out."""
    history = [
        turn(40), turn(1), turn(1, outcome="rotated"), turn(1, outcome="failed"),
        turn(0, command="dry run", outcome="failed"), turn(29, outcome="failed"),
    ]  # fmt: skip
    chart = activity(fleet({}, history=history))
    assert [(each.done, each.failed) for each in chart.days if each.done or each.failed] == [
        (0, 1), (2, 1),
    ]  # fmt: skip
    assert (chart.done, chart.failed, chart.days[-1].day) == (2, 2, NOW.date())


def test_runs_are_the_newest_first_with_their_failures_on_top() -> None:
    """The step that failed is the last one."""
    history = [
        turn(2, run="a"), turn(1, run="b"),
        turn(1, run="b", outcome="failed", code="site_busy", phases={"open": 1.0}),
    ]  # fmt: skip
    first, second = runs(fleet({}, history=history))
    assert [row.entry.outcome for row in first.rows] == ["failed", "generated"]
    assert [piece.broke for piece in first.rows[0].pieces] == [True]
    assert [piece.width for piece in first.rows[1].pieces] == [75.0, 25.0]
    assert [row.entry.run for row in second.rows] == ["a"]


def test_the_typical_step_is_the_median_of_what_went_well() -> None:
    """A failure's step may have waited for its whole patience."""
    history = [turn(at, phases={"open": float(at)}) for at in (1, 2, 9)]
    history.append(turn(1, outcome="failed", phases={"open": 99.0}))
    assert [(each.name, each.seconds) for each in typical(history)] == [("open", 2.0)]


def test_accounts_add_up() -> None:
    """Every pixel is in the strip of its account; the neediest comes first."""
    made = drawn(300)
    found = accounts(made)
    assert sum(part.count for each in found for part in each.parts) == 300
    assert [each.pressing for each in found] == sorted(
        (each.pressing for each in found), reverse=True
    )
    for each in found:
        assert sum(part.width for part in each.parts) == pytest.approx(100)


def data_of(page: str) -> dict[str, Any]:
    """The rows that stand in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    facts: dict[str, Any] = json.loads(found[1])
    return facts


HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "{{ 7*7 }}",
    "\u2028\u202e\x00",
    "\ud800",
    '"><svg onload=alert(1)>',
]


def test_what_is_owed_is_said_with_its_reason() -> None:
    """Beside each pixel, and one need for all of them."""
    owing = {"deliveries": [delivery(error="still unhealthy"), delivery("webhook:https://a")]}
    made = fleet(owing, {"deliveries": [{**delivery(), "open": True}]}, {})
    assert [each.owed for each in made.pixels] == [
        ["upstack: (still unhealthy)"], ["upstack: (holds an earlier token)"], [],
    ]  # fmt: skip
    assert [(each.key, each.next_step, each.query) for each in needs(made)] == [
        ("delivery_failed", "pixelmint recover", "state:undelivered")
    ]
    assert "0 % of 2" in render(made)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_leave_its_place(name: str) -> None:
    """Whatever a console calls a pixel, and whatever it says in an error."""
    error = {"code": "site_refused", "message": name, "next_step": name}
    page = encoded(render(fleet({"name": name, "outcome": "failed", "error": error}))).decode()
    assert page.count("</script") == 2
    assert "<img" not in page and "<svg onload" not in page
    rows = data_of(page)["rows"]
    assert rows[0][2] == name


def test_the_page_allows_nothing_but_its_own_style_and_script() -> None:
    """Their digests stand in its policy; there is no address in it that could be asked."""
    page = render(drawn(20))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy[1]
    without_names = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|src=|@import|url\(|\sstyle=|\son\w+=", without_names)


def test_a_big_fleet_makes_a_page_of_a_sane_size() -> None:
    """A hundred and twenty bytes a pixel, beside what every page has."""
    small, big = (len(encoded(render(drawn(count)))) for count in (100, 5000))
    assert (big - small) / 4900 < 120
    assert small < 250_000


def test_texts_say_times_and_steps() -> None:
    """For people."""
    assert ago(NOW - timedelta(hours=1, minutes=5), NOW) == "1 hour ago"
    assert ago(NOW - timedelta(days=12), NOW) == "12 days ago"
    assert ago(NOW, NOW) == "just now"
    assert [took(each) for each in (3.24, 300, 9000)] == ["3.2 s", "5 min", "2.5 h"]
    assert parts("pixelmint recover") == [("pixelmint recover", True)]
    assert parts("look, then `pixelmint x`") == [("look, then ", False), ("pixelmint x", True)]


def test_the_head_on_a_terminal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """In eighty columns and without a colour where none is wanted."""
    monkeypatch.setenv("COLUMNS", "80")
    out = StringIO()
    summary(fleet(failed("sign_in_needed"), {"age_days": 61}, {}), out)
    said = out.getvalue()
    assert "1 of 3 pixels need a person." in said
    assert "pixelmint --profile agency sign-in" in said
    assert all(f"{STATES[each]} 1" in said for each in ("person", "due", "fresh"))
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) <= 80


def test_report_is_status_and_its_page_a_private_file(make_user: MakeUser, tmp_path: Path) -> None:
    """Whole, from the records of a home; its path is the result, and nothing else."""
    user = make_user(signed_in=False)
    with user.workshop().records as records:
        shown = standing(1)
        records.note(
            shown.result.pixel or "", account=shown.result.account or "", name="Shop <b>",
            outcome="generated", fingerprint=shown.result.fingerprint, generated_at=NOW,
            stored_in=["local:"],
        )  # fmt: skip
    assert user.run("report", "--json").rows == user.run("status", "--json").rows
    assert user.run("report").out == user.run("status").out

    file = tmp_path / "fleet.html"
    wrote = user.run("report", "--html", str(file), "--older-than", "12h")
    assert (wrote.code, wrote.out, wrote.err) == (0, f"{file}\n", "")
    assert file.stat().st_mode & 0o777 == 0o600
    facts = data_of(file.read_text())
    assert [row[:3] for row in facts["rows"]] == [
        [shown.result.pixel, shown.result.fingerprint, "Shop <b>"]
    ]
    assert facts["limit"] == 0.5

    as_json = user.run("--json", "report", "--html", str(file))
    assert as_json.row == {"report": str(file), "pixels": 1}
    refused = user.run("report", "--html", str(tmp_path / "no" / "x.html"), "--json")
    assert (refused.code, refused.row["error"]["code"]) == (2, "usage")
    assert user.run("report", "--older-than", "soon").code == 2
