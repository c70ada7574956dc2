"""Results as the contract's objects, as exit codes and as a table."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation import errors
from automation.browser import BrowserGone
from automation.report import Outcome, Result, exit_code_of, json_line, table

PIXEL, ACCOUNT = "D69ESQRC77U0KGAU8B90", "7654321098765432109"
EXITS = {
    "usage": 2,
    "sign_in_needed": 3,
    "human_check": 3,
    "store_failed": 4,
    "delivery_failed": 4,
    "token_unread": 5,
    "pixel_not_found": 1,
    "wrong_pixel": 1,
    "token_exists": 1,
    "permission_denied": 1,
    "page_changed": 1,
    "site_busy": 1,
    "site_refused": 1,
    "escrow_failed": 1,
    "verify_failed": 1,
}
"""Exit codes by error code, copied from the contract by hand."""


def failed(error: errors.AutomationError | dict[str, str | None] | None) -> Result:
    """Return a failed result."""
    return Result(PIXEL, ACCOUNT, "failed", error=error)


class TestResult:
    """One pixel's outcome."""

    def test_it_is_the_contract_s_object(self) -> None:
        """Every key, in the contract's order, and nothing beside them."""
        result = Result(PIXEL, ACCOUNT, "generated", "9f86d081884c", ["local:"], True, [], 3.24)
        assert list(result.as_json().items()) == [
            ("pixel", PIXEL),
            ("account", ACCOUNT),
            ("outcome", "generated"),
            ("fingerprint", "9f86d081884c"),
            ("stored_in", ["local:"]),
            ("verified", True),
            ("delivered", []),
            ("seconds", 3.2),
            ("error", None),
        ]

    def test_what_is_not_known_is_null_or_empty(self) -> None:
        """An account that was not asked for is null, not an empty text."""
        facts = Result(None, "", "planned").as_json()
        assert (facts["pixel"], facts["account"], facts["fingerprint"]) == (None, None, None)
        assert (facts["stored_in"], facts["verified"], facts["delivered"]) == ([], None, [])
        assert (facts["seconds"], facts["error"]) == (0.0, None)

    def test_an_error_is_code_message_and_next_step(self) -> None:
        """Whether it was raised here or read from a record."""
        error = errors.StoreFailed("no room", where="dotenv:x", next_step="make some")
        said = {"code": "store_failed", "message": "dotenv:x: no room", "next_step": "make some"}
        assert failed(error).as_json()["error"] == said
        assert failed(dict(said)).as_json()["error"] == said
        assert failed(errors.SiteBusy("busy")).as_json()["error"]["next_step"] is None

    def test_two_results_share_no_list(self) -> None:
        """What is added to one is not added to the other."""
        one, other = Result(PIXEL, None, "kept"), Result(PIXEL, None, "kept")
        one.stored_in.append("local:")
        one.delivered.append("upstack")
        assert (other.stored_in, other.delivered) == ([], [])


class TestExitCodes:
    """What a scheduler goes by."""

    @pytest.mark.parametrize(("code", "expected"), EXITS.items())
    def test_each_code_has_the_contract_s_exit(self, code: str, expected: int) -> None:
        """By the error itself, by its record, and by its name."""
        (kind,) = [each for each in errors.AutomationError.__subclasses__() if each.code == code]
        assert failed(kind("x")).exit_code == expected
        assert failed({"code": code}).exit_code == expected
        assert exit_code_of(code) == expected

    def test_no_code_is_missing_from_the_contract(self) -> None:
        """And none is there that no error has."""
        assert {each.code for each in errors.AutomationError.__subclasses__()} == set(EXITS)

    @pytest.mark.parametrize("outcome", ["generated", "rotated", "kept", "planned"])
    def test_whatever_is_not_failed_is_zero(self, outcome: Outcome) -> None:
        """An error beside it, such as a failed delivery that is told of, changes nothing."""
        assert Result(PIXEL, ACCOUNT, outcome).exit_code == 0
        assert Result(PIXEL, ACCOUNT, outcome, error=errors.TokenUnread("x")).exit_code == 0

    def test_a_failure_without_a_known_code_is_one(self) -> None:
        """Never zero."""
        records: list[dict[str, str | None]] = [{}, {"code": None}, {"code": "of a later version"}]
        for error in (None, *records):
            assert failed(error).exit_code == 1
        assert exit_code_of(None) == 1

    def test_a_kind_of_an_error_has_the_exit_of_its_kin(self) -> None:
        """A browser that went is the site being busy; a lock is a matter of usage."""
        assert failed(BrowserGone("x")).exit_code == EXITS["site_busy"]
        assert failed(errors.AlreadyRunning("x")).exit_code == EXITS["usage"]


class TestJsonLine:
    """One object a line."""

    def test_words_stay_readable(self) -> None:
        """In any language."""
        assert json_line({"name": "Läden 令牌"}) == '{"name": "Läden 令牌"}'

    @settings(deadline=None, derandomize=True)
    @given(st.dictionaries(st.text(), st.text() | st.none() | st.booleans() | st.integers()))
    def test_any_facts_make_one_printable_line(self, facts: dict[str, object]) -> None:
        """That says the same when it is read back."""
        line = json_line(facts)
        assert "\n" not in line
        assert json.loads(line.encode()) == facts

    def test_half_a_surrogate_pair_is_printable(self) -> None:
        """A page's own words may hold one."""
        line = json_line({"message": "\ud83d|"})
        assert line == '{"message": "\\ud83d|"}'
        assert json.loads(line.encode()) == {"message": "\ud83d|"}


class TestTable:
    """Plain columns, for people and for programs."""

    def test_columns_are_as_wide_as_their_widest(self) -> None:
        """Heads included; no line ends in spaces."""
        rows = [["D69ESQRC77U0KGAU8B90", "kept", ""], ["short", "generated", "local:"]]
        assert table(rows, ["pixel", "outcome", "stored in"]).splitlines() == [
            "pixel                 outcome    stored in",
            "D69ESQRC77U0KGAU8B90  kept",
            "short                 generated  local:",
        ]

    def test_without_rows_there_are_heads(self) -> None:
        """An empty table is one too."""
        assert table([], ["pixel", "age"]) == "pixel  age"

    def test_rows_may_come_one_by_one(self) -> None:
        """From a generator."""
        assert table((each for each in [("a", "b")]), ("x", "y")) == "x  y\na  b"

    def test_a_row_of_another_length_is_refused(self) -> None:
        """No cell is lost in silence."""
        with pytest.raises(ValueError, match="zip"):
            table([["a", "b"]], ["only one"])

    def test_a_long_cell_is_neither_cut_nor_broken(self) -> None:
        """The end of a pixel's code is worth more than a narrow window."""
        long = "x" * 500
        assert table([[long, "y"]], ["a", "b"]).splitlines()[1] == f"{long}  y"


class TestFitted:
    """A table in a window: nothing is cut, at any width."""

    HEADS = ("PIXEL", "ACCOUNT", "OUTCOME", "FINGERPRINT", "STORE", "SECS")
    ROWS = (
        (PIXEL, ACCOUNT, "generated", "9f86d081884c", "local:", "12.3"),
        ("C69ESQRC77U0KGAU8B90", ACCOUNT, "generated", "0f86d081884c", "local:", "1.3"),
    )

    def test_what_went_well_fits_eighty_columns_on_one_line_a_row(self) -> None:
        """The commonest table in the commonest window, as wide as the window at most."""
        assert table(self.ROWS, self.HEADS, 80) == table(self.ROWS, self.HEADS)
        assert max(map(len, table(self.ROWS, self.HEADS).split("\n"))) == 80

    @pytest.mark.parametrize("width", [20, 50, 60, 74])
    def test_a_narrow_window_has_the_rest_of_each_row_below_it(self, width: int) -> None:
        """Every cell is whole, in its order, and no line is wider than it must be."""
        shown = table(self.ROWS, self.HEADS, width)
        assert shown.split() == [each for row in (self.HEADS, *self.ROWS) for each in row]
        lines = shown.split("\n")
        widest = max(len(each) for row in self.ROWS for each in row)
        assert max(map(len, lines)) <= max(width, widest + 2)
        assert sum(not each.startswith(" ") for each in lines) == 3, "a row begins at the edge"

    def test_what_says_nothing_is_left_out_before_a_line_is_broken(self) -> None:
        """Only in a window: what is piped has its columns always."""
        rows = [(PIXEL, "-", "failed (sign_in_needed)", "-", "-", "0.1")]
        assert table(rows, self.HEADS, 60) == (
            "PIXEL                 OUTCOME                  SECS\n"
            f"{PIXEL}  failed (sign_in_needed)  0.1"
        )
        assert table(rows, self.HEADS).split("\n")[0].split() == list(self.HEADS)

    def test_what_nearly_fits_is_drawn_closer_before_a_line_is_broken(self) -> None:
        """One space between columns, where that is all it takes."""
        closer = table(self.ROWS, self.HEADS, 75)
        assert closer.split("\n")[1] == " ".join(self.ROWS[0])
        assert len(table(self.ROWS, self.HEADS, 74).split("\n")) == 6
