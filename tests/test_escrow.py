"""The escrow: whatever was handed to it is there after a kill, a power cut or a full disk."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyrage
import pytest

from automation import escrow as escrow_module
from automation.errors import EscrowFailed, UsageError
from automation.escrow import Escrow, Intent
from automation.files import write_private
from automation.seal import Sealer
from automation.secret import Secret
from tests.store_contract import in_own_process, killed_at_every_file_operation, no_permission

PIXEL, OTHER_PIXEL = "D69ESQRC77U0KGAU8B90", "D69ESQRC77U0KGAU8B9G"
ACCOUNT = "7654321098765432109"
TOKEN, OTHER_TOKEN = "fixture-token-escrow-0001", "fixture-token-escrow-0002"


def sealer() -> Sealer:
    """Return a sealer with a key of its own."""
    return Sealer(pyrage.x25519.Identity.generate(), "a test")


@pytest.fixture(scope="module")
def key() -> Sealer:
    """The key of this module's homes."""
    return sealer()


@pytest.fixture
def escrow(home: Path, key: Sealer) -> Escrow:
    """An escrow in this test's home."""
    return Escrow(home, key)


def asked(escrow: Escrow, pixel: str = PIXEL) -> Intent:
    """Put one more intent in."""
    return escrow.intend(pixel, ACCOUNT, "agency")


def stored(escrow: Escrow, token: str) -> Intent:
    """Take one pixel's token through to its end."""
    intent = asked(escrow)
    escrow.see(intent, token.encode())
    escrow.keep(intent, Secret(token))
    escrow.settle(intent, "stored")
    return intent


def files_of(home: Path) -> dict[str, bytes]:
    """Return everything under a folder, by its path."""
    return {
        str(each.relative_to(home)): each.read_bytes()
        for each in home.rglob("*.*")
        if each.is_file()
    }


class TestOneIntent:
    """From the question to its end."""

    def test_that_the_click_comes_is_on_disk_before_it(
        self, escrow: Escrow, home: Path, key: Sealer
    ) -> None:
        """An intent alone does not say that anything was asked."""
        intent = escrow.intend(PIXEL, ACCOUNT, "agency")
        assert not Escrow(home, key).asked(intent)
        escrow.ask(intent)
        assert Escrow(home, key).asked(intent) and Escrow(home, key).settled(intent) is None
        assert stat.S_IMODE((home / "escrow" / intent.id / "asked").stat().st_mode) == 0o600
        with (
            no_permission(home / "escrow" / intent.id),
            pytest.raises(EscrowFailed, match="could not take the intent"),
        ):
            escrow.ask(intent)

    def test_it_comes_back_as_it_was_from_a_fresh_escrow(
        self, escrow: Escrow, home: Path, key: Sealer
    ) -> None:
        """With all that is needed to finish it later."""
        before = datetime.now(UTC)
        intent = escrow.intend(
            PIXEL, ACCOUNT, "agency", stores=("local:", "dotenv:x"), name="Shop", replaces=True
        )
        assert Escrow(home, key).intents() == [intent]
        assert (intent.pixel, intent.account, intent.profile) == (PIXEL, ACCOUNT, "agency")
        assert (intent.stores, intent.name, intent.replaces) == (
            ("local:", "dotenv:x"),
            "Shop",
            True,
        )
        assert before <= datetime.fromisoformat(intent.at) <= datetime.now(UTC)
        assert intent.about == {"intent": intent.id, "pixel": PIXEL, "account": ACCOUNT}

    def test_what_was_not_said_is_empty(self, escrow: Escrow) -> None:
        """No store, no name, nothing replaced."""
        intent = asked(escrow)
        assert (intent.stores, intent.name, intent.replaces) == ((), "", False)

    def test_what_was_seen_comes_back_in_order_of_arrival(
        self, escrow: Escrow, home: Path, key: Sealer
    ) -> None:
        """Any bytes at all, more than nine of them, the same one twice."""
        intent = asked(escrow)
        bodies = [b"", b"\n", bytes(range(256)), b"same", b"same", "令牌".encode(), b"x" * 300_000]
        bodies += [str(number).encode() for number in range(6)]
        for body in bodies:
            escrow.see(intent, body)
        assert Escrow(home, key).seen(intent) == bodies

    def test_a_token_is_kept_once_and_read_back(
        self, escrow: Escrow, home: Path, key: Sealer
    ) -> None:
        """The receipt names the intent and the fingerprint, and holds no secret."""
        intent = asked(escrow)
        assert escrow.token(intent) is None
        receipt = escrow.keep(intent, Secret(TOKEN))
        assert (receipt.intent, receipt.fingerprint) == (intent.id, Secret(TOKEN).fingerprint)
        kept = Escrow(home, key).token(intent)
        assert kept is not None
        assert kept.reveal() == TOKEN
        assert TOKEN not in repr(receipt)

    def test_the_same_token_again_is_no_harm(self, escrow: Escrow, home: Path) -> None:
        """`recover` may come to it twice; what lies there is not written again."""
        intent = asked(escrow)
        first = escrow.keep(intent, Secret(TOKEN))
        before = files_of(home)
        assert escrow.keep(intent, Secret(TOKEN)) == first
        assert files_of(home) == before

    def test_a_second_token_is_refused_and_the_first_stays(self, escrow: Escrow) -> None:
        """One question, at most one token."""
        intent = asked(escrow)
        escrow.keep(intent, Secret(TOKEN))
        with pytest.raises(EscrowFailed, match=f"^another token .* for intent {intent.id}$"):
            escrow.keep(intent, Secret(OTHER_TOKEN))
        kept = escrow.token(intent)
        assert kept is not None
        assert kept.reveal() == TOKEN

    def test_it_is_open_until_it_is_settled(self, escrow: Escrow, home: Path, key: Sealer) -> None:
        """And then says how it ended, when, and what else was given."""
        first, second = asked(escrow), asked(escrow, OTHER_PIXEL)
        assert escrow.unsettled() == [first, second]
        assert escrow.settled(first) is None
        escrow.settle(first, "site_busy", status=503)
        ending = Escrow(home, key).settled(first)
        assert ending is not None
        assert (ending["outcome"], ending["status"]) == ("site_busy", 503)
        assert datetime.fromisoformat(ending["at"]).tzinfo is not None
        assert escrow.unsettled() == [second]

    def test_the_intents_of_one_pixel_are_found_oldest_first(self, escrow: Escrow) -> None:
        """However many other pixels there are."""
        mine = [asked(escrow), asked(escrow)]
        other = asked(escrow, OTHER_PIXEL)
        mine.append(asked(escrow))
        assert escrow.intents(PIXEL) == mine
        assert escrow.intents() == [*mine[:2], other, mine[2]]
        assert escrow.intents("D69ESQRC77U0KGAU8B9") == []

    def test_an_empty_home_holds_nothing_and_looking_makes_nothing(
        self, escrow: Escrow, home: Path
    ) -> None:
        """`status` on a new machine."""
        assert escrow.intents() == []
        assert escrow.unsettled() == []
        assert list(home.iterdir()) == []

    def test_nothing_readable_holds_a_token_and_all_is_private(
        self, escrow: Escrow, home: Path
    ) -> None:
        """Sealed files, 0600 in 0700; the reserve is gone with the end."""
        intent = stored(escrow, TOKEN)
        for path in (home / "escrow").rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
        assert all(TOKEN.encode() not in each for each in files_of(home).values())
        names = sorted(each.name for each in (home / "escrow" / intent.id).iterdir())
        assert names == ["intent.json", "seen-0001.age", "settled.json", "token.age"]

    def test_a_person_can_open_it_with_age_alone(self, home: Path) -> None:
        """The format is public: the plain library, the key, and the token stands on line two."""
        identity = pyrage.x25519.Identity.generate()
        escrow = Escrow(home, Sealer(identity, "a test"))
        intent = asked(escrow)
        escrow.keep(intent, Secret(TOKEN))
        plain = pyrage.decrypt((home / "escrow" / intent.id / "token.age").read_bytes(), [identity])
        head, body = plain.split(b"\n")
        assert body.decode() == TOKEN
        assert json.loads(head) == {"kind": "token", "about": intent.about}

    def test_the_reserve_can_be_given_back_early_and_twice(
        self, escrow: Escrow, home: Path
    ) -> None:
        """An intent nothing more can come of takes no room; a read-only home is no obstacle."""
        intent = asked(escrow)
        assert (home / "escrow" / intent.id / "reserve").stat().st_size == 1 << 20
        with no_permission(home / "escrow" / intent.id):
            escrow.give_back(intent)
        for _ in range(2):
            escrow.give_back(intent)
        assert not (home / "escrow" / intent.id / "reserve").exists()
        assert escrow.unsettled() == [intent]


class TestLettingGo:
    """What a later stored token makes needless."""

    def test_the_newest_and_the_one_before_stay(self, escrow: Escrow) -> None:
        """In case the newest is wrong."""
        intents = [stored(escrow, f"{TOKEN}-{number}") for number in range(4)]
        assert escrow.intents() == intents[-2:]
        kept = escrow.token(intents[-2])
        assert kept is not None
        assert kept.reveal() == f"{TOKEN}-2"

    def test_an_open_intent_with_a_token_never_goes(self, escrow: Escrow) -> None:
        """A store has still to be reached for it."""
        waiting = asked(escrow)
        escrow.keep(waiting, Secret(TOKEN))
        for number in range(3):
            stored(escrow, f"{OTHER_TOKEN}-{number}")
        assert waiting in escrow.unsettled()
        assert escrow.token(waiting) == Secret(TOKEN)
        assert len(escrow.intents()) == 3, "those after it go all the same"

    def test_what_goes_leaves_nothing_behind(self, escrow: Escrow, home: Path) -> None:
        """Nor does what was killed half-way, but never what a newer run is making."""
        intents = [stored(escrow, f"{TOKEN}-{number}") for number in range(3)]
        root = home / "escrow"
        left, being_made = root / f".{intents[0].id}", root / f".9{intents[0].id}"
        left.mkdir()
        being_made.mkdir()
        intents.append(stored(escrow, TOKEN))
        names = {each.name for each in root.iterdir()}
        assert names == {intents[-2].id, intents[-1].id, being_made.name}

    def test_an_end_is_read_as_it_was_written_also_without_a_reserve(self, escrow: Escrow) -> None:
        """It was given back before, when nothing more could come of it."""
        intent = asked(escrow)
        escrow.give_back(intent)
        escrow.settle(intent, "site_busy", message="later")
        ending = escrow.settled(intent)
        assert ending is not None and ending.pop("at")
        assert ending == {"outcome": "site_busy", "message": "later"}

    def test_what_ended_without_a_token_goes_with_the_next_success(self, escrow: Escrow) -> None:
        """Declined ones and silent ones; only then, and only of the same pixel."""
        declined, silent = asked(escrow), asked(escrow)
        escrow.settle(declined, "site_refused")
        other = asked(escrow, OTHER_PIXEL)
        assert escrow.intents() == [declined, silent, other]
        last = stored(escrow, TOKEN)
        assert escrow.intents() == [other, last]

    def test_an_end_without_a_token_lets_nothing_go(self, escrow: Escrow) -> None:
        """The stored ones before it are still the newest."""
        before = [stored(escrow, f"{TOKEN}-{number}") for number in range(2)]
        silent = asked(escrow)
        escrow.settle(silent, "site_busy")
        assert escrow.intents() == [*before, silent]

    def test_a_newer_intent_stays_when_an_older_is_stored(self, escrow: Escrow) -> None:
        """`recover` settles them oldest first."""
        older, newer = asked(escrow), asked(escrow)
        escrow.settle(older, "stored")
        assert escrow.intents() == [older, newer]

    @pytest.mark.parametrize("damaged", ["token.age", "settled.json", "intent.json"])
    def test_an_unreadable_older_record_stays_and_does_not_spoil_the_end(
        self, escrow: Escrow, home: Path, damaged: str
    ) -> None:
        """The new token is stored, and what cannot be judged is not thrown away."""
        older = asked(escrow)
        escrow.keep(older, Secret(TOKEN))
        if damaged == "settled.json":
            escrow.settle(older, "site_busy")
        (home / "escrow" / older.id / damaged).write_bytes(b"rubbish")
        last = stored(escrow, OTHER_TOKEN)
        assert (escrow.settled(last) or {})["outcome"] == "stored"
        assert (home / "escrow" / older.id / damaged).read_bytes() == b"rubbish"

    def test_a_record_let_go_by_another_process_meanwhile_is_not_unreadable(
        self, escrow: Escrow, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`status` may look while a `generate` beside it settles."""
        first, second = asked(escrow), asked(escrow)
        listed = sorted

        def listed_then_gone(paths: Any) -> Any:
            found = listed(paths)
            shutil.rmtree(home / "escrow" / first.id, ignore_errors=True)
            return found

        monkeypatch.setattr(escrow_module, "sorted", listed_then_gone, raising=False)
        assert escrow.intents() == [second]


class TestWrongOrDamaged:
    """What is not what it is taken for is refused and left as it lies."""

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"{}",
            b'{"stores": []}',
            b"\xff\xfe",
            b'{"id": 1, "stores": 3}',
        ],
    )
    def test_an_unreadable_intent_stops_and_is_left_untouched(
        self, escrow: Escrow, home: Path, content: bytes
    ) -> None:
        """What lies beside it may be the only copy of a token."""
        intent = asked(escrow)
        escrow.keep(intent, Secret(TOKEN))
        folder = home / "escrow" / intent.id
        (folder / "intent.json").write_bytes(content)
        before = files_of(home)
        with pytest.raises(UsageError) as refused:
            escrow.intents()
        assert refused.value.message.startswith(f"the escrow record {folder} cannot be read (")
        assert "Error)" in refused.value.message
        assert refused.value.next_step == (
            "move that folder somewhere safe and run `pixelmint recover` again"
        )
        assert files_of(home) == before

    def test_an_unreadable_ending_stops_too(self, escrow: Escrow, home: Path) -> None:
        """Whether the intent is open cannot be guessed."""
        intent = asked(escrow)
        (home / "escrow" / intent.id / "settled.json").write_bytes(b"{")
        with pytest.raises(UsageError, match=f"{intent.id}.* cannot be read"):
            escrow.unsettled()

    def test_another_key_opens_nothing(self, escrow: Escrow, home: Path) -> None:
        """And the message says which key is asked for."""
        intent = asked(escrow)
        escrow.see(intent, b"answer")
        escrow.keep(intent, Secret(TOKEN))
        stranger = Escrow(home, sealer())
        assert stranger.intents() == [intent]
        for look in (stranger.seen, stranger.token):
            with pytest.raises(UsageError, match="another key sealed it") as refused:
                look(intent)
            assert "PIXELMINT_KEY" in refused.value.next_step

    @pytest.mark.parametrize("name", ["token.age", "seen-0001.age"])
    def test_files_swapped_between_two_intents_are_noticed(
        self, escrow: Escrow, home: Path, name: str
    ) -> None:
        """A token is filed under the pixel it belongs to, or not at all."""
        for pixel, token in ((PIXEL, TOKEN), (OTHER_PIXEL, OTHER_TOKEN)):
            intent = asked(escrow, pixel)
            escrow.see(intent, token.encode())
            escrow.keep(intent, Secret(token))
        first, second = escrow.intents()
        (home / "escrow" / first.id / name).replace(home / "escrow" / second.id / name)
        with pytest.raises(UsageError, match="is about another intent and pixel"):
            escrow.token(second) if name == "token.age" else escrow.seen(second)

    def test_a_sighting_is_not_taken_for_the_token(self, escrow: Escrow, home: Path) -> None:
        """Not even one of the same intent."""
        intent = asked(escrow)
        escrow.see(intent, TOKEN.encode())
        folder = home / "escrow" / intent.id
        (folder / "seen-0001.age").rename(folder / "token.age")
        with pytest.raises(UsageError, match="a sealed seen stands where a token should be"):
            escrow.token(intent)

    def test_an_intent_whose_facts_were_changed_opens_nothing(self, escrow: Escrow) -> None:
        """`intent.json` is not sealed; what is sealed says whose it is."""
        intent = asked(escrow)
        escrow.keep(intent, Secret(TOKEN))
        for other in (replace(intent, pixel=OTHER_PIXEL), replace(intent, account="1")):
            with pytest.raises(UsageError, match="is about another"):
                escrow.token(other)

    def test_a_missing_sighting_makes_no_later_one_take_another_s_place(
        self, escrow: Escrow, home: Path
    ) -> None:
        """Numbers go on from the highest."""
        intent = asked(escrow)
        for body in (b"one", b"two"):
            escrow.see(intent, body)
        (home / "escrow" / intent.id / "seen-0001.age").unlink()
        escrow.see(intent, b"three")
        assert escrow.seen(intent) == [b"two", b"three"]


class TestSeveralThreads:
    """Lanes are threads, and share one escrow."""

    def test_many_threads_lose_none_of_each_other_s_sightings(self, escrow: Escrow) -> None:
        """Neither in one intent nor across several."""
        intents = [asked(escrow), asked(escrow, OTHER_PIXEL)]

        def see(intent: Intent, worker: int) -> None:
            for number in range(8):
                escrow.see(intent, f"{worker}-{number}".encode())

        together(*(partial(see, intent, worker) for intent in intents for worker in range(3)))
        expected = sorted(
            f"{worker}-{number}".encode() for worker in range(3) for number in range(8)
        )
        for intent in intents:
            assert sorted(escrow.seen(intent)) == expected

    def test_of_two_tokens_at_once_one_is_kept_and_the_other_refused(self, escrow: Escrow) -> None:
        """Whoever is told of a receipt finds that very token."""
        for _ in range(10):
            intent = asked(escrow)
            kept: list[str] = []
            refused: list[str] = []

            def keep(
                token: str,
                intent: Intent = intent,
                kept: list[str] = kept,
                refused: list[str] = refused,
            ) -> None:
                try:
                    escrow.keep(intent, Secret(token))
                    kept.append(token)
                except EscrowFailed:
                    refused.append(token)

            together(lambda: keep(TOKEN), lambda: keep(OTHER_TOKEN))
            assert (len(kept), len(refused)) == (1, 1)
            assert escrow.token(intent) == Secret(kept[0])

    def test_intents_made_at_once_are_all_there(self, escrow: Escrow) -> None:
        """Each with an id of its own."""
        made: list[Intent] = []
        together(*(lambda: made.extend(asked(escrow) for _ in range(3)) for _ in range(4)))
        assert len({each.id for each in made}) == 12
        assert sorted(escrow.intents(), key=lambda each: each.id) == sorted(
            made, key=lambda each: each.id
        )


def together(*acts: Callable[[], object]) -> None:
    """Run each in a thread of its own, all started at one instant; what one raises is raised."""
    gate, raised = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
        except BaseException as problem:  # handed to the test's own thread
            raised.append(problem)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


class TestFullDisk:
    """The disk takes no more."""

    @pytest.fixture
    def room(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
        """Leave so many bytes of room in this home."""
        limit = [1 << 40]

        def used() -> int:
            return sum(each.stat().st_size for each in home.rglob("*") if each.is_file())

        def limited(path: Path, data: bytes) -> None:
            if used() + len(data) > limit[0]:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            write_private(path, data)

        def leave(free: int) -> None:
            limit[0] = used() + free

        monkeypatch.setattr(escrow_module, "write_private", limited)
        return leave

    def test_a_check_needs_as_much_room_as_an_intent_may(
        self, escrow: Escrow, home: Path, room: Callable[[int], None]
    ) -> None:
        """A nearly full disk is noticed before anything is asked; nothing is left behind."""
        room(1 << 20)
        with pytest.raises(EscrowFailed) as failed:
            escrow.check()
        assert failed.value.happened == (
            "escrow could not take a test record (No space left on device)"
        )
        assert failed.value.where == str(home / "escrow")
        assert failed.value.next_step.startswith("free some space")
        assert list((home / "escrow").iterdir()) == []
        room((1 << 20) + 4096)
        escrow.check()
        assert list((home / "escrow").iterdir()) == []

    @pytest.mark.parametrize("free", [0, (1 << 20) + 10])
    def test_an_intent_that_does_not_fit_is_not_there_at_all(
        self, escrow: Escrow, home: Path, room: Callable[[int], None], free: int
    ) -> None:
        """Neither without its reserve nor without its facts."""
        room(free)
        with pytest.raises(EscrowFailed, match=r"^escrow could not take the intent \(No space"):
            asked(escrow)
        assert escrow.intents() == []
        assert list((home / "escrow").iterdir()) == []
        room(2 << 20)
        intent = asked(escrow)
        assert escrow.intents() == [intent]

    def test_the_reserve_is_given_back_for_what_the_page_showed(
        self, escrow: Escrow, home: Path, room: Callable[[int], None]
    ) -> None:
        """Full after the check: the answer and the token still find their place."""
        intent = asked(escrow)
        escrow.see(intent, b"before")
        room(0)
        escrow.see(intent, b"x" * 500_000)
        escrow.keep(intent, Secret(TOKEN))
        assert escrow.seen(intent) == [b"before", b"x" * 500_000]
        assert escrow.token(intent) == Secret(TOKEN)
        assert not (home / "escrow" / intent.id / "reserve").exists()

    def test_the_reserve_is_left_while_there_is_room(
        self, escrow: Escrow, home: Path, room: Callable[[int], None]
    ) -> None:
        """It is for the wrong moment only."""
        intent = asked(escrow)
        room(4096)
        escrow.see(intent, b"answer")
        assert (home / "escrow" / intent.id / "reserve").exists()

    def test_what_fits_nowhere_is_said_and_what_was_there_stays(
        self, escrow: Escrow, room: Callable[[int], None]
    ) -> None:
        """The page must be left open then."""
        intent = asked(escrow)
        escrow.see(intent, b"before")
        room(0)
        with pytest.raises(EscrowFailed) as failed:
            escrow.see(intent, bytes(2 << 20))
        assert failed.value.happened == (
            "escrow could not take what the page showed (No space left on device)"
        )
        assert escrow.seen(intent) == [b"before"]
        escrow.keep(intent, Secret(TOKEN))
        assert escrow.token(intent) == Secret(TOKEN)

    def test_closing_gives_the_reserve_back_first(
        self, escrow: Escrow, room: Callable[[int], None]
    ) -> None:
        """So an intent can be closed on a full disk."""
        intent = asked(escrow)
        room(0)
        escrow.settle(intent, "site_busy")
        assert escrow.unsettled() == []

    def test_a_home_that_became_read_only_is_said_in_the_escrow_s_own_words(
        self, escrow: Escrow, home: Path
    ) -> None:
        """Also where not even the reserve can be given back."""
        intent = asked(escrow)

        def keep() -> None:
            escrow.keep(intent, Secret(TOKEN))

        acts: dict[str, Callable[[], None]] = {
            "take what the page showed": lambda: escrow.see(intent, b"answer"),
            "close the intent": lambda: escrow.settle(intent, "site_busy"),
        }
        for doing, act in [*acts.items(), ("take what the page showed", keep)]:
            with no_permission(home / "escrow" / intent.id), pytest.raises(EscrowFailed) as failed:
                act()
            assert failed.value.happened == f"escrow could not {doing} (Permission denied)"
        assert escrow.unsettled() == [intent]
        escrow.see(intent, b"answer")
        assert escrow.seen(intent) == [b"answer"]

    def test_a_disk_without_words_is_named_by_its_kind(
        self, escrow: Escrow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Some errors carry no text."""

        def broken(_path: Path, _data: bytes) -> None:
            raise TimeoutError

        monkeypatch.setattr(escrow_module, "write_private", broken)
        with pytest.raises(EscrowFailed, match=r"take the intent \(TimeoutError\)"):
            asked(escrow)

    @pytest.mark.parametrize("back", [b"rubbish", None])
    def test_a_disk_that_gives_back_something_else_fails_the_check(
        self,
        escrow: Escrow,
        home: Path,
        key: Sealer,
        monkeypatch: pytest.MonkeyPatch,
        back: bytes | None,
    ) -> None:
        """Damaged, or an older record in its place; nothing is left behind."""
        given = back if back is not None else key.seal("check", {}, b"an older one")

        def other(path: Path, _data: bytes) -> None:
            write_private(path, given)

        monkeypatch.setattr(escrow_module, "write_private", other)
        with pytest.raises(EscrowFailed) as failed:
            escrow.check()
        told = failed.value
        assert told.happened == "escrow gave back something else than it was given"
        assert told.where == str(home / "escrow")
        assert told.next_step == ("look at that disk, or set PIXELMINT_HOME to a folder elsewhere")
        assert list((home / "escrow").iterdir()) == []

    def test_a_check_leaves_nothing_and_intents_do_not_see_it(
        self, escrow: Escrow, home: Path
    ) -> None:
        """A test record of a killed check is in nobody's way either."""
        escrow.check()
        assert list((home / "escrow").iterdir()) == []
        (home / "escrow" / ".check-killed").write_bytes(b"half")
        assert escrow.intents() == []

    def test_a_real_small_disk_takes_the_token_after_the_check(self, tmp_path: Path) -> None:
        """A tmpfs of 3 MiB, filled to the last byte between the check and the answer."""
        said = in_own_process(on_a_small_disk, folder=str(tmp_path))
        if said is None:
            pytest.skip("a small disk of its own can be mounted by root alone")
        assert said == {
            "seen": 400_000,
            "token": TOKEN,
            "then": "escrow_failed",
            "check": "escrow_failed",
        }


def on_a_small_disk(folder: str) -> dict[str, Any] | None:
    """Fill a tmpfs that only this process sees; None where it may not be mounted."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, private, recursive = 0x20000, 1 << 18, 1 << 14
    if libc.unshare(new_namespace) != 0:
        return None
    libc.mount(None, b"/", None, private | recursive, None)
    if libc.mount(b"none", folder.encode(), b"tmpfs", 0, b"size=3m") != 0:
        return None
    escrow = Escrow(Path(folder), sealer())
    escrow.check()
    intent = asked(escrow)
    with contextlib.suppress(OSError), Path(folder, "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    escrow.see(intent, bytes(400_000))
    escrow.keep(intent, Secret(TOKEN))
    return {
        "seen": len(escrow.seen(intent)[0]),
        "token": (escrow.token(intent) or Secret("")).reveal(),
        "then": refusal_of(lambda: escrow.see(intent, bytes(1 << 20))),
        "check": refusal_of(escrow.check),
    }


def refusal_of(act: Callable[[], None]) -> str:
    """Return the code with which something is refused."""
    try:
        act()
    except EscrowFailed as problem:
        return problem.code
    return "none"


class TestKills:
    """SIGKILL at every file operation, and a power cut at every flush."""

    def test_what_was_returned_survives_a_kill_anywhere(self, home: Path) -> None:
        """And a fresh escrow works on what is left, as often as it happens."""
        key = str(pyrage.x25519.Identity.generate())
        boundaries = in_own_process(killed_everywhere, home=str(home), key=key)
        assert boundaries > 30

    def test_what_was_returned_survives_a_power_cut_at_any_flush(
        self,
        escrow: Escrow,
        home: Path,
        key: Sealer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Only what was forced to disk is there afterwards, folder by folder and file by file."""
        disk = Disk(home)
        monkeypatch.setattr(os, "fsync", disk.fsync)
        told = Told()
        journey(escrow, told, after=lambda: disk.cut(len(told.said)))
        monkeypatch.undo()
        assert {kind for kind, _ in told.said} == {"intent", "seen", "token", "settled"}
        for number, (snapshot, returned) in enumerate(disk.cuts):
            copy = tmp_path / str(number)
            snapshot.lay_out(copy)
            look_at(Escrow(copy, key), told.said[:returned])


class Told:
    """What the escrow returned from, in order: what must be there from then on."""

    def __init__(self, pipe: int | None = None) -> None:
        self.said: list[tuple[str, Any]] = []
        self._pipe = pipe

    def __call__(self, kind: str, what: Any) -> None:
        """Tell of one thing, through the pipe too: its other end outlives a kill."""
        self.said.append((kind, what))
        if self._pipe is not None:
            os.write(self._pipe, json.dumps([kind, what]).encode() + b"\n")


def journey(escrow: Escrow, told: Told, after: Callable[[], None] = lambda: None) -> None:
    """Take one token from the check to its end, telling of each thing that returned."""

    def say(kind: str, what: Any) -> None:
        told(kind, what)
        after()

    escrow.check()
    intent = asked(escrow)
    say("intent", intent.id)
    for body in ("first answer", "second answer"):
        escrow.see(intent, body.encode())
        say("seen", body)
    escrow.keep(intent, Secret(TOKEN))
    say("token", TOKEN)
    escrow.settle(intent, "stored")
    say("settled", "stored")


def look_at(escrow: Escrow, said: list[tuple[str, Any]]) -> None:
    """Assert that whatever was told of is there, and that nothing half-written is taken for it."""
    everything = escrow.intents()
    facts = {kind: what for kind, what in said if kind != "seen"}
    bodies = [what.encode() for kind, what in said if kind == "seen"]
    if "intent" in facts:
        assert facts["intent"] in [each.id for each in everything]
    for intent in everything:
        seen, token, ending = escrow.seen(intent), escrow.token(intent), escrow.settled(intent)
        assert seen == [b"first answer", b"second answer"][: len(seen)]
        assert token is None or token.reveal() == TOKEN
        assert ending is None or ending["outcome"] == "stored"
        if intent.id == facts.get("intent"):
            assert len(seen) >= len(bodies)
            assert token is not None or "token" not in facts
            assert ending is not None or "settled" not in facts


def killed_everywhere(home: str, key: str) -> int:
    """Kill the journey at each of its file operations; look each time, and go it whole again."""
    place = Path(home), Sealer(pyrage.x25519.Identity.from_str(key), "a test")
    waiting = asked(Escrow(*place))
    Escrow(*place).keep(waiting, Secret(TOKEN))
    for _ in range(2):
        journey(Escrow(*place), Told())
    ends = os.pipe()
    os.set_blocking(ends[0], False)

    def again() -> None:
        with contextlib.suppress(BlockingIOError):
            lines = os.read(ends[0], 1 << 16).splitlines()
            look_at(Escrow(*place), [tuple(json.loads(line)) for line in lines])
        escrow = Escrow(*place)
        look_at(escrow, [])
        for each in escrow.unsettled():
            if each != waiting:
                escrow.settle(each, "stored")
        journey(escrow, Told())
        assert escrow.token(waiting) == Secret(TOKEN)
        # Those that were killed pile up nothing but, at most, a test record.
        names = [each.name for each in (place[0] / "escrow").iterdir()]
        assert len([each for each in names if ".check-" not in each]) == 3

    return killed_at_every_file_operation(lambda: journey(Escrow(*place), Told(ends[1])), again)


class Snapshot:
    """What would be found on a disk after a power cut."""

    def __init__(
        self, root: int, folders: dict[int, dict[str, int]], files: dict[int, bytes]
    ) -> None:
        self._root, self._folders, self._files = root, dict(folders), dict(files)

    def lay_out(self, folder: Path, node: int | None = None) -> None:
        """Write it out below a folder."""
        folder.mkdir(mode=0o700)
        for name, child in self._folders.get(node or self._root, {}).items():
            if child in self._folders:
                self.lay_out(folder / name, child)
            else:  # a name whose content was never forced: an empty file
                (folder / name).write_bytes(self._files.get(child, b""))


class Disk:
    """A disk with a cache that loses whatever was not forced out of it; POSIX, at its strictest."""

    def __init__(self, root: Path) -> None:
        self._real, self._root = os.fsync, root.stat().st_ino
        self._folders: dict[int, dict[str, int]] = {self._root: {}}
        self._files: dict[int, bytes] = {}
        self.cuts: list[tuple[Snapshot, int]] = []
        """Each with how many things had been told of by then."""
        self._returned = 0

    def fsync(self, handle: int) -> None:
        """Force one file or folder out, and remember how the disk now looks."""
        self._real(handle)
        about = os.fstat(handle)
        if stat.S_ISDIR(about.st_mode):
            entries = {each.name: each for each in os.scandir(handle)}
            self._folders[about.st_ino] = {name: each.inode() for name, each in entries.items()}
            for each in entries.values():
                if each.is_dir():
                    self._folders.setdefault(each.inode(), {})
        else:
            self._files[about.st_ino] = Path(f"/proc/self/fd/{handle}").read_bytes()
        self.cut(self._returned)

    def cut(self, returned: int) -> None:
        """Remember the disk as it would be found now."""
        self._returned = returned
        self.cuts.append((Snapshot(self._root, self._folders, self._files), returned))
