"""Save the console's screens, read-only and redacted, so that tests and people can look at them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Error, Page

from automation.controls_tree import look_at
from automation.controls_words import fold
from automation.errors import AutomationError, SignInNeeded
from automation.handoff import read_state
from automation.recording import Mark, Snapshot, learn_from, take, write_page
from automation.recording_folder import Screen, index_of, open_folder, write_folder
from automation.recording_proof import prove
from automation.recording_redact import NAME, Kind, Redactor
from flows.pages.events_manager import EventsManager
from flows.settings import ConsoleSettings
from flows.walk import View, Walk
from flows.wording import PIXEL_LIKE, Wording
from flows.workshop import Workshop, check_names

_DRAWN = 'meta[name="pixelmint-fixture"]'
_HEADER_PX = 72
"""What ends higher than this is the console's own header, which names account and person."""
_IDS = re.compile(r"\d{15,20}")
_IDLE = {"id", "ad", "no", "nr", "uid"}
_KEPT = ("org_id", "aadvid")
"""What an address keeps of its query; the rest is the session's own."""
_STORAGE = "() => JSON.stringify(Object.fromEntries(Object.entries(sessionStorage)))"
_FAMILY = re.compile(r"^([a-z]+)-.*?((?:-v?\d[0-9a-z]*)*)$")


def _pixel_stand_in(number: int, original: str) -> str:
    return f"DRECORDED{str(number).zfill(len(original) - 10)}0"


PIXEL = Kind(
    "pixel",
    re.compile(PIXEL_LIKE),
    _pixel_stand_in,
    re.compile(r"DRECORDED\d{8,14}0").fullmatch,
)
"""A pixel's code; its stand-in is a well-formed one that nobody was ever given."""


@dataclass(frozen=True)
class _Taken:
    """One screen in memory, not redacted."""

    name: str
    state: str
    address: str
    snapshot: Snapshot
    made: str
    leads: dict[str, str]
    shows: dict[str, Any]


class Recorder:
    """Takes screens down in memory; writes them all at once, redacted and proven, or nothing."""

    def __init__(self, wording: Wording, origin: str, state: dict[str, Any]) -> None:
        """Know what must not be written.

        Args:
            wording: what the console itself says; never taken for a name.
            origin: the console's; the recording tells the real one in its place.
            state: the session's storage, each value of which is replaced.
        """
        words = [
            label.text
            for each in wording.meanings.values()
            for label in (*each.labels, *each.built, *each.also)
        ]
        words += [word for group in wording.groups.values() for word in group]
        self._wording, self._origin = wording, origin
        self._redactor = Redactor([PIXEL], words)
        self._known = {fold(word) for word in words}
        self._taken: list[_Taken] = []
        self.know_session(state)

    def know_session(self, state: dict[str, Any]) -> None:
        """Take what the session has become meanwhile."""
        self._redactor.know_session(state)

    def know_names(self, names: Iterable[str]) -> None:
        """Take words of somebody's own: names of people, companies, pixels."""
        self._redactor.know(NAME, [each for each in names if fold(each) not in self._known])

    def add(self, view: View, name: str = "", state: str = "") -> None:
        """Take the screen down that the page shows now.

        Args:
            view: what was found on it.
            name: what to call it, instead of the walk's word.
            state: what it shows, instead of the walk's words.
        """
        page = view.page
        found = {each.found.meaning.name: each for each in view.sights if each.found}
        leads = {key: each.leads for key, each in found.items() if each.leads}
        marks: list[Mark] = [(each.found.element, each.leads) for each in found.values()
                             if each.found and each.leads]  # fmt: skip
        snapshot = take(page, marks)
        self.know_names((*view.names, *_header_names(page, self._wording)))
        self._redactor.know_session({"origins": [_session_storage(page)]})
        self._redactor.learn(page.url)
        learn_from(snapshot, self._redactor)
        self._taken.append(
            _Taken(name or view.name, state or view.state, page.url, snapshot, _made(page),
                   leads, shows_of(view))
        )  # fmt: skip

    def __len__(self) -> int:
        """How many screens were taken down."""
        return len(self._taken)

    def finish(self, folder: Path) -> list[Screen]:
        """Write everything, or nothing.

        Raises:
            UsageError: the folder is no place for it.
            NotRedacted: something of the session would have been written.
        """
        folder = open_folder(folder)
        files, screens = {}, []
        for taken in self._taken:
            counts: dict[str, int] = {}
            head = f'<meta name="pixelmint-fixture" content="{taken.made}">'
            file = f"{taken.name}.html"
            files[file] = write_page(taken.snapshot, self._redactor, counts, head=head)
            screens.append(self._screen(taken, file, counts))
        index = index_of(screens)
        nameless = [each for each in self._redactor.originals() if each[0] != NAME.name]
        prove(index, nameless, "index")
        write_folder(folder, files, index)
        return screens

    def _screen(self, taken: _Taken, file: str, counts: dict[str, int]) -> Screen:
        instead = self._redactor.stand_in_of
        saved = {each.name for each in self._taken}
        shows = {
            key: instead(value) if key in ("pixel", "account") else value
            for key, value in taken.shows.items()
        }
        return Screen(
            name=taken.name, file=file, address=self._address(taken.address), made=taken.made,
            day=datetime.now(UTC).date().isoformat(), language=taken.snapshot.language,
            look=_look_of(taken.snapshot), state=taken.state,
            replaced=dict(sorted(counts.items())), shows=shows,
            leads={control: to for control, to in taken.leads.items() if to in saved},
        )  # fmt: skip

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin == self._origin:
            origin = str(ConsoleSettings.model_fields["console_url"].default)
        query = parse_qs(parts.query)
        kept = urlencode([(key, query[key][0]) for key in _KEPT if key in query])
        return self._redactor.text(f"{origin}{parts.path}" + (f"?{kept}" if kept else ""))


def record(
    workshop: Workshop,
    folder: Path,
    pixel: str | None = None,
    account: str | None = None,
    also: Iterable[str] = (),
) -> list[Screen]:
    """Walk the console read-only and save each screen.

    Args:
        workshop: what the run works with.
        folder: new, empty, or a recording that is replaced.
        pixel: whose page to save; None for the first that is listed.
        account: the account to open, or None for the console's own choice.
        also: further words to replace, such as names of people.

    Raises:
        SignInNeeded: there is no session, or it has ended; nothing was written.
        AutomationError: the walk ended early; the screens up to there are saved.
    """
    check_names([pixel] if pixel else [], account)
    open_folder(folder)
    settings, profile = workshop.settings, workshop.profile
    state = workshop.sessions.load(profile)
    recorder = Recorder(workshop.wording, settings.console_url, state)
    recorder.know_names(also)
    with workshop.lane() as lane:
        page = lane.open(state)
        console = EventsManager(
            page, settings.console_url, workshop.wording,
            patience_s=settings.patience, say=workshop.say, person=not settings.headless,
        )  # fmt: skip
        walk = Walk(console, page, workshop.wording, patience_s=settings.patience)
        problem: AutomationError | None = None
        for view in walk.views(pixel, account):
            problem = view.error
            if isinstance(problem, SignInNeeded):
                workshop.sessions.ended(profile)
                raise problem
            workshop.say(f"taking down {view.state}")
            recorder.add(view, "stopped" if problem else "")
        now = read_state(page.context)
    recorder.know_session(now)
    workshop.sessions.save(profile, now, proven=problem is None)
    workshop.say("replacing what is yours, and proving that nothing of it is left")
    screens = recorder.finish(folder)
    workshop.say(f"{len(screens)} screens are in {folder}")
    if problem is not None:
        raise problem
    return screens


def shows_of(view: View) -> dict[str, Any]:
    """Return what the page objects saw on a screen: the index tells it, tests find it again."""
    shows: dict[str, Any] = {"screen": view.name, "controls": sorted(view.found)}
    refused = {each.name: each.error.code for each in view.sights if each.error}
    if refused:
        shows["refused"] = [f"{name}: {code}" for name, code in refused.items()]
    if view.pixel:
        shows["pixel"] = view.pixel
    if view.account:
        shows["account"] = view.account
    if view.popup:
        shows["popup"] = view.popup
    if view.name == "settings" and view.error is None:
        shows["token_exists"] = bool(view.token_exists)
    if view.error is not None:
        shows["stopped"] = view.error.code
    return shows


def _made(page: Page) -> str:
    """Say `drawn` where the page says so of itself, else `recorded`."""
    mark = page.query_selector(_DRAWN)
    return "drawn" if mark and mark.get_attribute("content") == "drawn" else "recorded"


def _look_of(snapshot: Snapshot) -> str:
    """Say how a page is built: families of custom elements with their versions, frameworks."""
    tags = [found for each in snapshot.traits if (found := _FAMILY.match(each))]
    families = {f"{each[1]} components {each[2][1:]}".strip() for each in tags}
    classes = {f"{each[1:]} classes" for each in snapshot.traits if each.startswith(".")}
    classes -= {f"{each[1]} classes" for each in tags}
    frameworks = snapshot.traits & {"react", "vue"}
    return ", ".join(sorted(families | classes | frameworks)) or "plain"


def _session_storage(page: Page) -> dict[str, Any]:
    try:
        kept: dict[str, str] = json.loads(page.evaluate(_STORAGE))
    except (Error, ValueError):
        kept = {}  # the page lets nobody at it
    return {"localStorage": [{"name": name, "value": value} for name, value in kept.items()]}


def _header_names(page: Page, wording: Wording) -> list[str]:
    """Return what the right half of the console's header says: account, company, person."""
    with look_at(page) as tree:
        middle = tree.size[0] / 2
        said = [
            text
            for node in tree.nodes
            if node.visible and 0 < node.box[1] + node.box[3] < _HEADER_PX
            if node.box[0] > middle
            for text in (node.own, node.aria, node.hint)
        ]
    return [name for each in said if (name := _without_ids(each, wording.account_words))]


def _without_ids(text: str, words: Iterable[str]) -> str:
    """Return the name in a text of the header, empty where it holds none."""
    rest = _IDS.sub("", text)
    if rest != text:
        for word in sorted(words, key=len, reverse=True):
            rest = re.sub(rf"(?i)(?<!\w){re.escape(word)}(?!\w)", "", rest)
    rest = rest.strip(" \t\n:()[]#|,;-")
    letters = [each for each in re.findall(r"[^\W\d_]+", rest) if each.lower() not in _IDLE]
    return rest if letters and 3 <= len(rest) <= 60 else ""
