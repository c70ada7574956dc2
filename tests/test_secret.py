"""Secrets: seen only as fingerprints, in renderings, logs and tracebacks; and the DEBUG guard."""

import copy
import gc
import hashlib
import io
import json
import logging
import pickle
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.errors import UsageError
from automation.secret import RedactingFilter, Secret, fingerprint, guard_environment, redact

TEXT = "fixture-token-seen-nowhere-0001"


@settings(deadline=None)  # a busy machine is no fault
@given(st.text())
def test_a_fingerprint_is_the_first_twelve_digits_of_sha256(text: str) -> None:
    """Of the UTF-8 bytes, as the contract says."""
    assert fingerprint(text) == hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
    assert Secret(text).fingerprint == fingerprint(text)


def test_only_reveal_gives_the_text() -> None:
    """And gives it exactly."""
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{:>80}".format,
        "{!r}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  as old code writes it
        lambda secret: str([secret, {"key": secret}]),
        lambda secret: json.dumps({"token": secret}, default=str),
        lambda secret: str(KeyError(secret)),
    ],
)
def test_every_rendering_shows_the_fingerprint(show: Callable[[Secret], str]) -> None:
    """However a developer prints it."""
    shown = show(Secret(TEXT))
    assert TEXT not in shown
    assert fingerprint(TEXT) in shown


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_neither_pickled_nor_copied(take: Callable[[Secret], object]) -> None:
    """A job record would hold the text."""
    with pytest.raises(TypeError) as refused:
        take(Secret(TEXT))
    assert str(refused.value) == "a Secret cannot be pickled or copied"


def test_two_secrets_are_kept_apart_in_a_set() -> None:
    """Its hash is that of its fingerprint, which says nothing of the text."""
    assert hash(Secret(TEXT)) == hash(fingerprint(TEXT))


def test_it_has_no_dictionary_to_look_into() -> None:
    """`vars()` is how debuggers and serializers look."""
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


def test_json_refuses_a_secret() -> None:
    """Without its text in the message."""
    with pytest.raises(TypeError) as refused:
        json.dumps(Secret(TEXT))
    assert TEXT not in str(refused.value)


def test_two_of_one_text_are_equal_and_one_in_a_set() -> None:
    """By text, and never equal to the text itself."""
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret(TEXT) != TEXT
    assert len({Secret(TEXT), Secret(TEXT)}) == 1


class TestRedact:
    """What leaves in a log line."""

    def test_every_living_secret_is_replaced_wherever_it_stands(self) -> None:
        """More than once, at the ends, and side by side."""
        one, two = Secret("fixture-one-1111"), Secret("fixture-two-2222")
        text = f"{one.reveal()}{two.reveal()}, again {one.reveal()}"
        assert redact(text) == f"{one!r}{two!r}, again {one!r}"

    def test_a_secret_inside_a_longer_one_leaves_no_rest(self) -> None:
        """The longer one first, in whatever order they were made."""
        for texts in (("fixture-abc", "fixture-abc-rest"), ("fixture-abc-rest", "fixture-abc")):
            living = [Secret(each) for each in texts]
            assert redact("fixture-abc-rest") == repr(max(living, key=lambda s: len(s.reveal())))

    def test_an_empty_secret_replaces_nothing(self) -> None:
        """Or it would stand between any two letters."""
        empty = Secret("")
        assert redact("abc") == "abc"
        assert empty.reveal() == ""

    def test_a_text_without_secrets_stays_as_it_is(self) -> None:
        """Nothing is redacted by shape."""
        assert redact("pixel D69ESQRC77U0KGAU8B90") == "pixel D69ESQRC77U0KGAU8B90"

    def test_one_of_two_equal_secrets_outlives_the_other_and_is_still_redacted(self) -> None:
        """Once the living were kept in a set: the second was never in it, so it leaked."""
        first = Secret("fixture-twice")
        second = Secret("fixture-twice")
        del first
        gc.collect()
        assert redact("fixture-twice") == repr(second)

    def test_a_secret_that_is_gone_is_forgotten(self) -> None:
        """The list does not keep texts alive."""
        secret = Secret("fixture-soon-gone")
        del secret
        gc.collect()
        assert redact("fixture-soon-gone") == "fixture-soon-gone"


class TestRedactingFilter:
    """The log."""

    @pytest.fixture
    def log(self) -> Iterator[tuple[logging.Logger, io.StringIO]]:
        """A logger with the filter on its handler, and what it wrote."""
        written = io.StringIO()
        handler = logging.StreamHandler(written)
        handler.addFilter(RedactingFilter())
        logger = logging.Logger("tests.secret")  # noqa: LOG001  of this test alone
        logger.addHandler(handler)
        yield logger, written
        handler.close()

    def test_message_and_arguments_are_redacted(
        self, log: tuple[logging.Logger, io.StringIO]
    ) -> None:
        """In whichever of the two the token stands."""
        logger, written = log
        secret = Secret(TEXT)
        logger.info("plain " + secret.reveal())
        logger.info("argument %s and %s", secret.reveal(), secret)
        logger.info("mapping %(token)s", {"token": secret.reveal()})
        assert TEXT not in written.getvalue()
        assert written.getvalue().count(fingerprint(TEXT)) == 4

    def test_a_traceback_is_redacted_through_its_whole_chain(
        self, log: tuple[logging.Logger, io.StringIO]
    ) -> None:
        """A library's error may quote what it was given."""
        logger, written = log
        secret = Secret(TEXT)
        try:
            try:
                raise ValueError(f"inner {secret.reveal()}")
            except ValueError as inner:
                raise RuntimeError(f"outer {secret.reveal()}") from inner
        except RuntimeError:
            logger.exception("failed")
        assert "RuntimeError: outer Secret(" in written.getvalue()
        assert "ValueError: inner Secret(" in written.getvalue()
        assert TEXT not in written.getvalue()

    def test_a_record_without_secrets_goes_through_unchanged(
        self, log: tuple[logging.Logger, io.StringIO]
    ) -> None:
        """The filter hides nothing else and drops nothing."""
        logger, written = log
        logger.warning("%d of %d", 1, 3)
        assert written.getvalue() == "1 of 3\n"


class TestGuardEnvironment:
    """DEBUG and its like."""

    @pytest.mark.parametrize(
        "value", ["pw:api", "pw:*", "*", "pw", "express pw:protocol", "a,pw:browser", "p*", "*:api"]
    )
    def test_a_debug_that_prints_the_protocol_is_refused(self, value: str) -> None:
        """Before anything is started, with what to do."""
        with pytest.raises(UsageError, match="DEBUG=") as refused:
            guard_environment({"DEBUG": value})
        assert refused.value.next_step == "unset DEBUG and run again"

    @pytest.mark.parametrize("value", ["", "express", "-pw:*", "1", "http,net"])
    def test_a_debug_of_others_is_let_be(self, value: str) -> None:
        """It is not ours to clear."""
        environ = {"DEBUG": value}
        guard_environment(environ)
        assert environ == {"DEBUG": value}

    def test_leaky_variables_are_dropped_and_others_stay(self) -> None:
        """They make the driver, Node or the browser write what passes through."""
        environ = {"PWDEBUG": "1", "SSLKEYLOGFILE": "/x", "NODE_DEBUG": "http", "HOME": "/h"}
        guard_environment(environ)
        assert environ == {"HOME": "/h"}

    def test_the_real_environment_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the command line calls it."""
        monkeypatch.setenv("DEBUG", "pw:api")
        with pytest.raises(UsageError):
            guard_environment()
