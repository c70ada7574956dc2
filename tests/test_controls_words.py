# ruff: noqa: RUF001 - other languages have their own letters
"""Folding and matching of words, without a browser."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.controls_words import (
    APART,
    EXACT,
    EXTRA,
    FILLED,
    INSIDE,
    Label,
    best,
    fold,
    leads,
    match,
    mentions,
    quote,
    with_analogies,
)


@pytest.mark.parametrize(
    ("shown", "folded"),
    [
        ("Generate Access Token", "generate access token"),
        ("  GENERATE\u00a0access\u200b  token \u2192 ", "generate access token"),
        ("Générer un jeton d’accès", "generer un jeton d acces"),
        ("\ue001 Settings \U0001f6e0", "settings"),
        ("ＥＶＥＮＴＳ ＡＰＩ", "events api"),
        ("İptal ISPARTA ısı", "iptal isparta isi"),
        ("イベントAPI", "イベント api"),
        ("Sự kiện", "su kien"),
        ("…•••", ""),
    ],
)
def test_case_accents_icons_and_odd_spaces_do_not_count(shown: str, folded: str) -> None:
    """What a person reads as the same is the same."""
    assert fold(shown) == folded


def test_marks_that_make_another_letter_do_count() -> None:
    """The Japanese voicing mark is no accent."""
    assert fold("ガ") != fold("カ")


@settings(derandomize=True)
@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """So that folded and unfolded words may be compared either way."""
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("label", "text", "how_well"),
    [
        ("Generate access token", "GENERATE ACCESS TOKEN", EXACT),
        ("Events-API", "Events API", EXACT),
        ("Generate access token", "Generate an access token", FILLED),
        ("Generate access token", "Generate access token for web", EXTRA),
        ("Generate access token", "Click on Generate access token to make a new one", INSIDE),
        ("Settings", "Account settings", INSIDE),
        ("Generate access token", "Regenerate access token", 0),
        ("Generate access token", "Access token: generate", 0),
        ("生成访问令牌", "生成访问令牌", EXACT),
        ("生成访问令牌", "点击生成访问令牌后复制并保存到安全的地方", INSIDE),
        ("Copy", "", 0),
        ("", "Copy", 0),
    ],
)
def test_how_well_a_text_says_a_label(label: str, text: str, how_well: float) -> None:
    """Exact, with idle words, with a few more, within more, or not at all."""
    assert match(label, text, frozenset({"an", "the"})) == how_well


def test_the_kinds_of_matches_are_ordered() -> None:
    """Each weaker than the one before."""
    assert EXACT > FILLED > APART > EXTRA > INSIDE > 0


def test_the_best_label_wins_and_is_named() -> None:
    """Also where an earlier one fits a little."""
    labels = (Label("Events"), Label("Events API", "de"))
    assert best(labels, "Events API") == (EXACT, labels[1])


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["delete"], "Delete token", "delete"),
        (["delete"], "Deleted on Monday", "delete"),
        (["regenerate"], "Re-generate token", "regenerate"),
        (["reset"], "More settings", None),
        (["pay"], "Paying", None),
        (["test event"], "Test events", "test event"),
        (["削除"], "トークンを削除する", "削除"),
        (["löschen"], "Token LÖSCHEN", "löschen"),
        (["delete"], "", None),
    ],
)
def test_never_words_are_heard_at_the_start_of_words(
    words: list[str], text: str, said: str | None
) -> None:
    """In scripts without spaces, anywhere."""
    assert mentions(words, text) == said


def test_a_quote_is_short_and_holds_no_long_run_of_letters() -> None:
    """It goes into messages."""
    assert quote("Token  a1b2c3d4e5f6a7b8c9d0\n now") == "Token … now"
    assert len(quote("word " * 50)) <= 60


@pytest.mark.parametrize(
    ("text", "language", "begins"),
    [
        ("Events API settings", "en", True),
        ("Your Events API", "en", True),
        ("Offline Events API", "en", False),
        ("Set up Events API", "en", False),
        ("Events API", "en", True),
        ("Events API einrichten", "de", False),
    ],
)
def test_a_text_begins_with_a_label_where_more_words_only_qualify_it(
    text: str, language: str, begins: bool
) -> None:
    """Words before it, or after it where verbs stand last, make it something else."""
    assert leads(Label("Events API", language), text, frozenset({"your"})) is begins


def test_what_follows_from_other_labels_is_one_too() -> None:
    """In its own language only, never with a word twice, and what was there comes first."""
    labels = (
        Label("Generate access token"),
        Label("Get access token"),
        Label("Generate token"),
        Label("Token generieren", "de"),
    )
    every = with_analogies(labels)
    assert every[: len(labels)] == labels
    assert [(each.text, each.language) for each in every[len(labels) :]] == [("get token", "en")]


def test_nothing_follows_from_what_was_put_together() -> None:
    """Built labels come last, as they are."""
    built = (Label("Issue access token"), Label("Issue code"), Label("Get code"))
    assert with_analogies((Label("Get access token"),), built) == (
        Label("Get access token"),
        *built,
    )
