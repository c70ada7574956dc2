"""The drawn Upstack: what it takes and says over HTTP, and its pages walked as a person would."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from automation.browser import Lane
from fixtures.console import Console, UpstackScenario, upstack_preset, upstack_preset_names
from fixtures.console.ledger import fingerprint
from fixtures.console.upstack import Upstack
from tests.conftest import until

QUICK: dict[str, Any] = {"delay_ms": (0, 5), "slow_ms": 50, "timeout_s": 0.2, "check_s": 0}
ALL = "/api/event-destinations"


@pytest.fixture
def console() -> Iterator[Console]:
    """A console whose Upstack is quick and calm."""
    with Console() as started:
        started.upstack.scenario = UpstackScenario(**QUICK)
        yield started


@contextmanager
def signed_in(upstack: Upstack) -> Iterator[httpx.Client]:
    """A client with a session."""
    cookies = {each["name"]: each["value"] for each in upstack.storage_state()["cookies"]}
    with httpx.Client(base_url=upstack.url, cookies=cookies, trust_env=False) as client:
        yield client


def create(client: httpx.Client, pixel: str, token: str, **changes: Any) -> httpx.Response:
    """Ask for a destination as the page's script does."""
    body = {"platform": "tiktok", "pixel": pixel, "token": token, "enabled": True, **changes}
    return client.post(ALL, json=body)


def test_upstack_has_an_origin_and_a_session_of_its_own(console: Console) -> None:
    """The console's cookies are worth nothing there."""
    upstack = console.upstack
    assert upstack.url != console.url
    theirs = {each["name"]: each["value"] for each in console.storage_state()["cookies"]}
    page = httpx.get(upstack.page, cookies=theirs, trust_env=False)
    assert (page.status_code, page.headers["location"]) == (
        302,
        "/login?redirect=%2Fpixel%2Fevent-destinations",
    )
    assert httpx.get(upstack.url + ALL, trust_env=False).status_code == 401
    with signed_in(upstack) as client:
        text = client.get("/pixel/event-destinations").text
        assert "Events Destination" in text and 'content="drawn"' in text
        upstack.sessions.end_all()
        assert client.get(ALL).status_code == 401


def test_a_destination_is_healthy_for_just_a_token_that_works(console: Console) -> None:
    """One the console issued, for that pixel, still alive, and the destination switched on."""
    mine, other = (each.code for each in console.pixels[:2])
    token = console.world.issue(mine, console.scenario).text
    upstack = console.upstack
    with signed_in(upstack) as client:
        rows = [
            create(client, mine, token),
            create(client, mine, token[:-1]),
            create(client, other, token),
            create(client, mine, token, enabled=False),
        ]
        said = [each.json()["status"] for each in rows]
        assert said == ["healthy", "unhealthy", "unhealthy", "unhealthy"]
        console.world.revoke(mine)
        assert client.get(ALL).json()["rows"][-4]["status"] == "unhealthy"
    assert [each.fingerprint for each in upstack.book.changes()][:2] == [
        fingerprint(token),
        fingerprint(token[:-1]),
    ]


def refusals(upstack: Upstack) -> list[tuple[str, str]]:
    """What was asked for and what came of it, by fingerprint."""
    return [(each.kind, each.fingerprint) for each in upstack.book.changes()]


def test_what_is_missing_or_masked_is_refused_and_in_the_book(console: Console) -> None:
    """With the field that is wrong; nothing is created."""
    pixel, upstack = console.pixels[0].code, console.upstack
    known = upstack.destinations
    with signed_in(upstack) as client:
        asked = [
            (create(client, pixel, ""), "token"),
            (create(client, pixel, "••••••abcd"), "token"),
            (create(client, "", "T" * 40), "pixel"),
            (create(client, pixel, "T" * 40, platform="moon"), "platform"),
        ]
    for answer, field in asked:
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert upstack.destinations == known
    assert [kind for kind, _ in refusals(upstack)] == ["refused"] * 4


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [("trim", 201, "healthy"), ("refuse", 422, ""), ("keep", 201, "unhealthy")],
)
def test_what_blanks_around_a_token_do_is_a_setting(
    console: Console, how: str, status: int, said: str
) -> None:
    """The book has the fingerprint of what was sent, blanks and all."""
    console.upstack.scenario = UpstackScenario(**QUICK, whitespace=how)
    pixel = console.pixels[0].code
    token = f" {console.world.issue(pixel, console.scenario).text}\n"
    with signed_in(console.upstack) as client:
        answer = create(client, pixel, token)
    assert (answer.status_code, answer.json().get("status", "")) == (status, said)
    assert refusals(console.upstack)[0][1] == fingerprint(token)


@pytest.mark.parametrize(("setting", "status"), [("allowed", 201), ("refused", 422)])
def test_whether_a_pixel_may_have_two_destinations_is_a_setting(
    console: Console, setting: str, status: int
) -> None:
    """Of one platform; the same id may be another platform's."""
    console.upstack.scenario = UpstackScenario(**QUICK, duplicates=setting)
    with signed_in(console.upstack) as client:
        assert create(client, "P", "T" * 40).status_code == 201
        assert create(client, "P", "T" * 40, platform="snapchat").status_code == 201
        assert create(client, "P", "T" * 40).status_code == status


def test_health_may_be_late_wrong_at_first_or_never_told(console: Console) -> None:
    """By settings that are asked anew at every look."""
    pixel, upstack = console.pixels[0].code, console.upstack
    with signed_in(upstack) as client:
        create(client, pixel, console.world.issue(pixel, console.scenario).text)

        def said(**changes: Any) -> tuple[str, bool]:
            upstack.scenario = UpstackScenario(**{**QUICK, **changes})
            answer = client.get(ALL).json()
            return answer["rows"][-1]["status"], answer["live"]

        assert said(check_s=1000) == ("checking", True)
        assert said(wrong_for_s=1000) == ("unhealthy", True)
        assert said(never_checked=True) == ("checking", True)
        assert said(never_checked=True, live=False) == ("checking", False)
        assert said() == ("healthy", False)


@pytest.mark.parametrize(
    ("fault", "status", "stored"),
    [
        ("500", 500, False),
        ("500_after", 500, True),
        ("429", 429, False),
        ("html", 200, False),
        ("session_end", 401, False),
        ("slow", 201, True),
        ("drop_before", 0, False),
        ("drop_after", 0, True),
        ("timeout", 0, False),
    ],
)
def test_saving_may_go_wrong_before_or_after_it_is_stored(
    console: Console, fault: str, status: int, stored: bool
) -> None:
    """The destinations say which, and the book whether anybody was told."""
    upstack = console.upstack
    upstack.scenario = UpstackScenario(**QUICK, faults={"create": fault}, fault_times=1)
    with signed_in(upstack) as client:
        if status:
            assert create(client, "P", "T" * 40).status_code == status
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                create(client, "P", "T" * 40)
    assert bool(upstack.all.of("P")) == stored
    told = [each.answered for each in upstack.book.changes()]
    assert told == ([fault != "drop_after"] if stored else [])
    assert [each.fault for each in upstack.book.faults()] == [fault]


def test_an_edit_says_which_fields_changed(console: Console) -> None:
    """Only what was sent otherwise; the masked token sent back untouched is none."""
    upstack = console.upstack
    (mine,) = (upstack.all.add("tiktok", "P", "T" * 40),)
    one = f"{ALL}/{mine.id}"
    with signed_in(upstack) as client:
        client.put(one, json={"pixel": "P", "token": mine.masked(), "enabled": True})
        client.put(one, json={"pixel": "P", "token": "", "enabled": False})
        client.put(one, json={"pixel": "Q", "token": "U" * 40, "enabled": False})
        upstack.scenario = UpstackScenario(**QUICK, pixel_fixed=True)
        client.put(one, json={"pixel": "R", "token": "", "enabled": False})
        assert client.get(f"{ALL}/1").status_code == 404
    fields = [each.fields for each in upstack.book.changes()]
    assert fields == [(), ("enabled",), ("pixel", "token"), ()]
    assert [each.pixel for each in upstack.destinations][-1] == "Q"


def test_a_hostile_upstack_follows_the_seed() -> None:
    """And so do the other people's pixels in its list."""

    def drawn(seed: int) -> tuple[Any, ...]:
        with Console(seed=seed) as console:
            console.upstack.scenario = UpstackScenario(
                **QUICK, hostile=0.5, hostile_faults=("429", "slow", "popup")
            )
            with signed_in(console.upstack) as client:
                for _ in range(10):
                    client.get(ALL)
                    client.get("/pixel/event-destinations")
            pixels = [each.pixel for each in console.upstack.destinations]
            return console.upstack.book.faults(), pixels

    assert drawn(1) == drawn(1) != drawn(2)
    assert {each.fault for each in drawn(1)[0]} == {"429", "slow", "popup"}


@pytest.mark.parametrize("name", upstack_preset_names())
def test_every_preset_can_be_laid_over_a_calm_upstack(console: Console, name: str) -> None:
    """Pixels it lists are listed once, however often it is laid over."""
    wanted = upstack_preset(name)
    for _ in range(2):
        console.upstack.scenario = wanted
    listed = {"": 0, "first": 1, "all": len(console.pixels)}[wanted.listed]
    mine = {each.code for each in console.pixels}
    found = [each.pixel for each in console.upstack.destinations if each.pixel in mine]
    assert len(found) == listed * (1 + wanted.twins)
    assert len(console.upstack.destinations) == 5 + len(found) + wanted.more


@pytest.mark.parametrize(
    "wrong",
    [
        {"look": "baroque"},
        {"faults": {"create": "meteor"}},
        {"faults": {"tea": "500"}},
        {"faults": {"list": "popup"}},
        {"popups": ("surprise",)},
        {"hostile": 2},
        {"decoys": ("moon",)},
        {"hostile_faults": ("moon",)},
    ],
)
def test_a_scenario_refuses_a_word_that_nothing_would_act_on(wrong: dict[str, Any]) -> None:
    """Else a test would pass because its fault never happened."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        UpstackScenario(**wrong)


class Screen:
    """A page of Upstack, its controls by test id."""

    def __init__(self, page: Page, console: Console) -> None:
        """Take a page and the console it is of."""
        self.page, self.console, self.upstack = page, console, console.upstack
        self.pixel = console.pixels[0].code

    def control(self, name: str, within: Locator | None = None) -> Locator:
        """The control of that name."""
        return (within or self.page).get_by_test_id(f"{name}-{self.upstack.build}")

    def press(self, *names: str) -> None:
        """Click one after the other."""
        for name in names:
            self.control(name).click()

    def row(self) -> Locator:
        """The pixel's row."""
        return self.control("row").filter(has_text=self.pixel)

    def expect_status(self, said: str) -> None:
        """Wait until the pixel's row says so."""
        expect(self.control("status", self.row())).to_have_text(said)

    def open_edit(self) -> None:
        """Open the form of the pixel's destination, in the scenario's way."""
        ways = {"button": ("edit",), "kebab": ("kebab", "edit"), "row": ()}
        if not (steps := ways[self.upstack.scenario.edit_by]):
            self.row().first.click()
        for step in steps:
            within = self.row() if step == steps[0] else None
            self.control(step, within).locator("visible=true").first.click()

    def open_new(self) -> None:
        """Open an empty form for the platform."""
        self.page.goto(self.upstack.page)
        self.press("new-destination")
        if self.upstack.scenario.choose_by == "select":
            self.control("platform").select_option("TikTok")
        else:
            self.press("platform-tiktok")
        self.press("next")

    def fill(self) -> str:
        """Fill the form in; returns the token."""
        token = self.token()
        self.control("field-pixel").fill(self.pixel)
        self.press("check-events-api")
        self.control("field-token").fill(token)
        return token

    def token(self) -> str:
        """A token of the pixel, fresh from the console."""
        return self.console.world.issue(self.pixel, self.console.scenario).text


@pytest.fixture
def chromium(lane: Lane) -> Browser:
    """The browser that all tests share; each screen has a context of its own."""
    browser = lane.open().context.browser
    assert browser is not None
    return browser


@contextmanager
def screen(
    chromium: Browser, scenario: UpstackScenario, *, signed: bool = True
) -> Iterator[Screen]:
    """An Upstack and a page of its own; fails if the page's script had an error."""
    errors: list[str] = []
    with Console() as console:
        console.upstack.scenario = scenario
        state = cast(StorageState, console.upstack.storage_state())
        context = chromium.new_context(
            storage_state=state if signed else None, viewport={"width": 1440, "height": 900}
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.message))
        yield Screen(page, console)
        context.close()
    assert errors == []


@pytest.mark.parametrize(
    "name", ["modern", "classic", "shadow", "select", "select_classic", "shop"]
)
def test_a_destination_is_created_by_hand(chromium: Browser, name: str) -> None:
    """List, choice, form, success, and its health follows."""
    with screen(chromium, upstack_preset(name, delay_ms=(0, 5))) as here:
        here.open_new()
        token = here.fill()
        here.press("create")
        expect(here.page.get_by_text("Configuration created successfully")).to_be_visible()
        here.expect_status("Healthy")
        (made,) = here.upstack.book.changes()
    assert (made.kind, made.platform, made.pixel) == ("created", "tiktok", here.pixel)
    assert (made.fingerprint, made.answered) == (fingerprint(token), True)


EDITS = (
    "edit",
    "edit_kebab",
    "edit_panel",
    "edit_classic",
    "edit_kebab_classic",
    "edit_row_classic",
    "edit_page",
    "edit_shadow",
    "masked_value",
    "replace_token",
    "many",
)


@pytest.mark.parametrize("name", EDITS)
def test_a_destinations_token_is_changed_by_hand(chromium: Browser, name: str) -> None:
    """Each way of editing changes that destination's token and nothing else."""
    with screen(chromium, upstack_preset(name, delay_ms=(0, 5), check_s=0)) as here:
        before = here.upstack.destinations
        here.page.goto(here.upstack.page)
        if name == "many":
            for page in (2, 3, 4):
                here.press("list-next")
                expect(here.page.get_by_text(f"Page {page} of 4")).to_be_visible()
        here.expect_status("Unhealthy")
        here.open_edit()
        if name == "replace_token":
            here.press("replace")
        token = here.token()
        here.control("field-token").fill(token)
        here.press("update")
        here.expect_status("Healthy")
        (change,) = here.upstack.book.changes()
        after = here.upstack.destinations
    assert (change.kind, change.fields) == ("edited", ("token",))
    assert change.fingerprint == fingerprint(token)
    assert [each for each in after if each not in before] == [
        each for each in after if each.pixel == here.pixel
    ]


def test_clicks_on_what_must_not_be_clicked_are_told(chromium: Browser) -> None:
    """By a list of their own; a deletion is in the book as well."""
    with screen(chromium, upstack_preset("edit", **QUICK)) as here:
        here.page.goto(here.upstack.page)
        for control in ("test-event", "delete"):
            here.control(control, here.row()).click()
        here.press("delete-yes")
        until(lambda: len(here.upstack.book.forbidden()) >= 3)
        assert here.upstack.book.forbidden() == ["test-event", "delete", "delete-yes"]
        assert [each.kind for each in here.upstack.book.changes(at_least=2)] == [
            "tested",
            "deleted",
        ]


class End(NamedTuple):
    """What is seen at the end of a preset's creation, and how many destinations the pixel has."""

    sees: str
    stored: int = 0
    sends: bool = True
    """Whether the form was sent at all."""


ENDS = {
    "status_icon": End("status", 1),
    "told_by_banner": End("banner", 1),
    "human_check_after_save": End("human-check"),
    "session_ends_in_form": End("sign-in"),
    "session_ends_in_form_classic": End("sign-in"),
    "token_refused": End("field-token"),
    "save_500": End("trouble"),
    "save_500_after": End("trouble", 1),
    "save_html": End("trouble"),
    "save_drop_before": End("trouble"),
    "save_timeout": End("trouble"),
    "late_hydration": End("form", sends=False),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_creation_ends_as_its_preset_says(chromium: Browser, name: str) -> None:
    """On the page and in the list of destinations."""
    end = ENDS[name]
    with screen(chromium, upstack_preset(name, **QUICK)) as here:
        if name == "late_hydration":
            here.page.goto(here.upstack.page)
            here.press("new-destination")
            expect(here.control("choose")).to_have_count(0)
            here.press("new-destination", "platform-tiktok", "next")
        else:
            here.open_new()
        here.fill()
        here.press("create")
        expect(here.control(end.sees).first).to_be_visible()
        if name == "status_icon":
            dot = here.control("status", here.row())
            expect(dot).to_have_attribute("title", "Healthy")
            expect(dot).to_have_text("")
        if name == "token_refused":
            expect(here.page.get_by_text("This is not a valid access token.")).to_be_visible()
        assert len(here.upstack.all.of(here.pixel)) == end.stored
        assert bool(here.upstack.book.calls().get("create")) == (
            end.sends and name != "human_check_after_save"
        )


OVERLAYS = {
    "popups": ("got-it", "cookies-reject", "tour-skip"),
    "popups_classic": ("got-it", "cookies-reject", "tour-skip"),
    "late_popups": ("tour-skip",),
    "consent": (),
    "human_check": (),
}


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_lies_over_a_page_eats_clicks_until_it_is_gone(chromium: Browser, name: str) -> None:
    """A consent and a check of a person stay: they are not the tool's to pass."""
    with screen(chromium, upstack_preset(name, **QUICK)) as here:
        here.page.goto(here.upstack.page)
        box = here.control("new-destination").bounding_box()
        over = {"consent": "consent", "human_check": "human-check", "late_popups": "tour"}
        expect(here.control(over.get(name, "announcement"))).to_be_visible()
        assert box is not None
        here.page.mouse.click(box["x"] + 5, box["y"] + 5)
        here.press(*OVERLAYS[name])
        if OVERLAYS[name]:
            here.press("new-destination")
            expect(here.control("choose")).to_be_visible()
            assert here.upstack.book.forbidden() == []
        else:
            expect(here.control("choose")).to_have_count(0)
            until(here.upstack.book.forbidden)


@pytest.mark.parametrize("name", ["wrong_form", "wrong_form_classic"])
def test_editing_may_open_another_destinations_form(chromium: Browser, name: str) -> None:
    """Its pixel id stands in the field, and what is saved there is that one's."""
    with screen(chromium, upstack_preset(name, **QUICK)) as here:
        here.page.goto(here.upstack.page)
        here.open_edit()
        field = here.control("field-pixel")
        expect(field).to_be_visible()
        other = field.input_value()
        assert other != here.pixel
        here.control("field-token").fill(here.token())
        here.press("update")
        (change,) = here.upstack.book.changes(at_least=1)
    assert (change.pixel, change.fields) == (other, ("token",))


def test_a_short_field_cuts_a_token_off_silently(chromium: Browser) -> None:
    """As a paste of a person would be."""
    with screen(chromium, upstack_preset("cut_short", **QUICK)) as here:
        here.open_new()
        token = here.fill()
        here.press("create")
        here.expect_status("Unhealthy")
        (made,) = here.upstack.book.changes()
    assert made.fingerprint == fingerprint(token[:24])


def test_a_list_may_show_its_news_only_when_loaded_again(chromium: Browser) -> None:
    """What was being checked stays so on the page."""
    with screen(chromium, upstack_preset("reload_needed", delay_ms=(0, 5))) as here:
        here.open_new()
        here.fill()
        here.press("create")
        here.expect_status("Checking…")
        mine = here.upstack.all.of(here.pixel)[0]
        until(lambda: here.upstack.status(mine) == "healthy")
        looks = here.upstack.book.calls()["list"]
        here.expect_status("Checking…")
        assert here.upstack.book.calls()["list"] == looks
        here.page.reload()
        here.expect_status("Healthy")


def test_a_renamed_upstack_says_nothing_that_the_guide_says(chromium: Browser) -> None:
    """Neither in its list nor in its form."""
    calm = upstack_preset("calm")
    told = ("Events Destination", "Destination", "Access Token", "Pixel ID", "Healthy", "Create")
    with screen(chromium, upstack_preset("renamed", **QUICK)) as here:
        here.open_new()
        expect(here.control("field-token")).to_be_visible()
        text = here.page.locator("body").inner_text()
        assert here.pixel in text and [each for each in told if each in text] == []
        assert calm.labels == {}


def test_a_person_signs_in_and_lands_where_they_wanted(chromium: Browser) -> None:
    """The page asked for, and what is typed goes nowhere."""
    scenario = upstack_preset("edit_classic", **QUICK)
    with screen(chromium, scenario, signed=False) as here:
        mine = here.upstack.all.of(here.pixel)[0]
        here.page.goto(f"{here.upstack.page}/{mine.id}/edit")
        here.control("password").fill("secret words")
        here.press("sign-in")
        expect(here.control("field-token")).to_be_visible()
        assert here.page.url == f"{here.upstack.page}/{mine.id}/edit"
