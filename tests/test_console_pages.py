"""The bundled console's pages in a real browser, driven by test id: every preset, every way out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, cast

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    StorageState,
    expect,
)

from automation.browser import Lane
from fixtures.console import Console, Scenario, preset, preset_names
from fixtures.console.scenario import CHOICES
from tests import test_faces, test_generate
from tests.conftest import until

QUICK: dict[str, Any] = {"delay_ms": (0, 5), "slow_ms": 50, "timeout_s": 0.2}
LOOKS = ("plain", "ks")
"""Those that every way out is tried in; `react` and `vi` are walked like every preset."""


class Screen:
    """A page of a console, its controls by test id."""

    def __init__(self, page: Page, console: Console) -> None:
        """Take a page and the console it is of."""
        self.page, self.console, self.pixel = page, console, console.pixels[0]
        self.framed = False

    def control(self, name: str) -> Locator:
        """The control of that name; in the frame, where the console stands in one."""
        where = self.page.frame_locator("iframe") if self.framed else self.page
        return where.get_by_test_id(f"{name}-{self.console.build}")

    def press(self, *names: str) -> None:
        """Click one after the other."""
        for name in names:
            self.control(name).first.click()

    def open_pixel(self) -> None:
        """Go to the pixel's own address."""
        self.page.goto(self.console.pixel_url(self.pixel))

    def generate(self) -> str:
        """Go all the way to a token; returns the one the ledger says was issued."""
        self.open_pixel()
        self.press("tab-settings", "generate")
        expect(self.control("token")).to_be_visible()
        return self.console.ledger.issued()[-1].token

    def clicks(self, at_least: int) -> list[str]:
        """The controls that the pages reported as clicked."""
        return [each.control for each in self.console.ledger.clicks(at_least)]


@pytest.fixture
def chromium(lane: Lane) -> Browser:
    """The browser that all tests share; each screen has a context of its own."""
    browser = lane.open().context.browser
    assert browser is not None
    return browser


@contextmanager
def screen(
    chromium: Browser, scenario: Scenario, *, signed: bool = True, pixels: int = 3
) -> Iterator[Screen]:
    """A console and a page of its own; fails if the page's script had an error."""
    errors: list[str] = []
    with Console(scenario, pixels_per_account=pixels) as console:
        state = cast(StorageState, console.storage_state())
        context = chromium.new_context(
            storage_state=state if signed else None,
            viewport={"width": 1440, "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.message))
        yield Screen(page, console)
        context.close()
    assert errors == []


class Walk(NamedTuple):
    """What to press in a preset's console, what is seen at the end, how many tokens it cost."""

    press: tuple[str, ...]
    sees: str = "token"
    issued: int = 1


SETTINGS = ("tab-settings",)
GENERATE = (*SETTINGS, "generate")
TOKEN = Walk(GENERATE)
OPENED = Walk((), "tab-settings", 0)
CONFIRMED = Walk((*GENERATE, "confirm-yes"))
POPUPS = ("got-it", "cookies-reject", "tour-skip")
EYE = Walk((*GENERATE, "eye"))
GONE = Walk(GENERATE, "token-gone")
DISABLED = Walk(SETTINGS, "generate", 0)
FROM_LIST = ("pixel-row", *GENERATE)
SIGNED_OUT = Walk((), "sign-in", 0)
REFUSED = Walk(GENERATE, "events-api-message", 0)
BY_MENUS = ("nav-tools", "menu-events", "side-data-sources", "pixel-row")
WALKS = {
    "reveal_dialog": Walk((*GENERATE, "token-done"), "events-api"),
    "answer_only": Walk(GENERATE, "token-made"),
    "navigates": Walk(GENERATE, "pixels"),
    "reloads": Walk((*GENERATE, "tab-settings"), "active-token"),
    "token_exists": Walk(SETTINGS, "active-token", 0),
    "token_exists_regenerate": Walk((*SETTINGS, "revoke"), "generate", 0),
    "no_button": Walk(SETTINGS, "events-api", 0),
    "disabled": DISABLED,
    "permission_message": REFUSED,
    "empty_token": Walk(GENERATE, "copy-token", 0),
    "confirm": CONFIRMED,
    "double_submit": Walk(GENERATE, issued=2),
    "late_hydration": Walk((*GENERATE, "generate")),
    "menus_only": Walk((*BY_MENUS, *GENERATE)),
    "wrong_pixel": Walk(SETTINGS, "generate", 0),
    "popups": Walk((*POPUPS, *GENERATE)),
    "puzzle": Walk((), "puzzle", 0),
    "puzzle_after_click": Walk(GENERATE, "puzzle", 0),
    "consent": Walk((), "consent", 0),
    "generate_429": REFUSED,
    "generate_500": REFUSED,
    "drop_before": REFUSED,
    "drop_after": REFUSED._replace(issued=-1),
    "generate_timeout": REFUSED,
    "session_ends_at_click": Walk(GENERATE, "sign-in", 0),
    "session_ends_at_settings": Walk(SETTINGS, "sign-in", 0),
    "detail_500_once": Walk(("retry", *GENERATE)),
    "detail_429_once": Walk(("retry", *GENERATE)),
    "settings_500_once": Walk((*SETTINGS, "retry", *GENERATE)),
    "settings_500": Walk(SETTINGS, "trouble", 0),
    "react_dialog": CONFIRMED,
    "vi_dialog": CONFIRMED,
    "ks_dialog": CONFIRMED,
    "vi_chinese": CONFIRMED,
    "ks_german": CONFIRMED,
    "react_disabled": DISABLED,
    "vi_disabled": DISABLED,
    "react_popups": Walk((*POPUPS, "assistant-close", *GENERATE)),
    "vi_popups": Walk((*POPUPS, "assistant-close", *GENERATE)),
    "assistant": Walk((*SETTINGS, "assistant-close", "generate")),
    "late_popups": Walk(("got-it", *GENERATE)),
    "eye": EYE,
    "eye_sealed": EYE,
    "gone": GONE,
    "gone_sealed": GONE,
    "double_issue": Walk((*GENERATE, "generate"), issued=2),
    "by_data_sources": Walk(("nav-tools", "menu-events", "side-data-sources", *FROM_LIST)),
    "by_datasets": Walk(("nav-tools", "menu-events-manager", "datasets-view", *FROM_LIST)),
    "by_datasets_react": Walk(("nav-tools", "menu-events-manager", "datasets-view", *FROM_LIST)),
    "by_assets": Walk(("nav-assets", "menu-events", "manage-web", *FROM_LIST)),
    "by_web_events": Walk(("nav-tools", "menu-events", "menu-web-events", *FROM_LIST)),
    "by_launcher": Walk(("launch-events", "side-data-sources", *FROM_LIST)),
    "by_launcher_ks": Walk(("launch-events", "side-data-sources", *FROM_LIST)),
    "virtual_list": Walk(FROM_LIST),
    "search": Walk(FROM_LIST),
    "numbered_pages": Walk(FROM_LIST),
    "same_names": Walk(FROM_LIST),
    "frame_to_list": Walk(FROM_LIST),
    "two_step": Walk(("code-next", *GENERATE)),
    "two_step_sign_in": Walk(("code-next", *GENERATE)),
    "simplified": Walk(("switch-full", *GENERATE)),
    "page_popup_once": Walk(("got-it", *GENERATE)),
    "list_html": Walk((), "trouble", 0),
    "session_ends_at_home": Walk(("nav-tools", "menu-events"), "sign-in", 0),
    "session_ends_at_list": SIGNED_OUT,
    "session_ends_at_detail": SIGNED_OUT,
}
"""Presets that do not simply show a token. -1: some; Chromium repeats a call that was dropped."""


GENERATED = {
    *test_generate.LOOKS, *test_generate.REVEALS, *test_generate.ANSWERS,
    *(name for group in test_faces.GROUPS.values() for name in group),
}  # fmt: skip
"""Presets whose pages the whole command goes over; there, too, no script may fail."""
OTHER_PAGES = ("events_", "latency_", "load_")
"""What begins so draws no page otherwise than calm: it is about the Events API, or about time."""
WALKED = [
    name
    for name in preset_names()
    if name in WALKS or not (name in GENERATED or name.startswith(OTHER_PAGES) or name == "closes")
]
"""By hand, whatever ends otherwise than with a token that is shown, or is run nowhere else."""


def test_every_walk_is_of_a_preset() -> None:
    """Else a renamed preset would be walked as if it were calm."""
    assert WALKS.keys() <= set(preset_names())


def test_what_is_not_walked_draws_its_pages_like_a_calm_console() -> None:
    """Presets of the Events API and of loads."""
    other = [name for name in preset_names() if name.startswith(OTHER_PAGES)]
    changed = {name: preset(name, delay_ms=(0, 0)).for_page() for name in other}
    assert changed == dict.fromkeys(other, Scenario(delay_ms=(0, 0)).for_page())


@pytest.fixture(scope="module")
def crowd(lane: Lane) -> Iterator[tuple[Console, BrowserContext]]:
    """One console for the walks of all presets, each on a pixel of its own, and one context."""
    browser = lane.open().context.browser
    assert browser is not None
    with Console(Scenario(**QUICK), pixels_per_account=len(preset_names())) as console:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        yield console, context
        context.close()


@pytest.mark.parametrize("name", WALKED)
def test_every_preset_ends_as_it_should(crowd: tuple[Console, BrowserContext], name: str) -> None:
    """Pressing what a person would ends where the preset says, at its price."""
    (console, context), walk = crowd, WALKS.get(name, TOKEN)
    scenario, errors = preset(name, **QUICK), list[str]()
    scenario = replace(scenario, late_ms=min(scenario.late_ms, 50))
    context.add_cookies(console.storage_state()["cookies"])
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(error.message))
    here = Screen(page, console)
    here.framed = scenario.frame
    if scenario.direct_address == "works":
        here.pixel = console.pixels[preset_names().index(name)]
    console.per_pixel[here.pixel.code] = scenario
    known = len(console.ledger.issued())
    here.open_pixel()
    here.press(*walk.press)
    expect(here.control(walk.sees)).to_be_visible()
    until(lambda: len(console.ledger.issued()) - known >= walk.issued)  # a second may come later
    page.close()
    issued = console.ledger.issued()[known:]
    assert len(issued) == walk.issued if walk.issued >= 0 else issued
    assert errors == []


def test_what_fails_in_a_page_s_script_is_told(chromium: Browser) -> None:
    """So that every test that goes over drawn pages can say that nothing did."""
    with Console(Scenario(**QUICK)) as console:
        context = chromium.new_context(storage_state=cast(StorageState, console.storage_state()))
        page = context.new_page()
        page.goto(console.pixel_url(console.pixels[0]))
        page.evaluate("() => void setTimeout(() => { throw new Error('one') })")
        page.evaluate("() => void Promise.reject(new Error('two'))")
        until(lambda: len(console.ledger.script_errors()) == 2)
        context.close()
    assert sorted(each.partition("Error: ")[2] for each in console.ledger.script_errors()) == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("reveal", ["text", "field", "textarea"])
def test_a_token_is_shown_once(chromium: Browser, look: str, reveal: str) -> None:
    """It is whole on the page, and after a reload only its tail is left, called active."""
    with screen(chromium, Scenario(**QUICK, look=look, reveal=reveal)) as here:
        token = here.generate()
        shown = here.control("token")
        if reveal == "text":
            expect(shown).to_have_text(token)
        else:
            expect(shown.locator("input, textarea")).to_have_value(token)
        here.page.reload()
        here.press("tab-settings")
        expect(here.control("active-token")).to_contain_text(token[-4:])
        assert token not in here.page.content()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("how", ["write_text", "exec_command", "copy_event", "clipboard_item"])
def test_the_copy_icon_gives_out_what_the_page_never_showed(
    chromium: Browser, look: str, how: str
) -> None:
    """Neither the page nor any answer holds the token as it is."""
    scenario = Scenario(**QUICK, look=look, reveal="copy_only", copy_by=how)
    with screen(chromium, scenario) as here:
        here.open_pixel()
        here.press("tab-settings")
        with here.page.expect_response("**/access_token") as answer:
            here.press("generate")
        here.press("copy-token")
        expect(here.page.get_by_role("status")).to_have_text("Copied")
        (issue,) = here.console.ledger.issued()
        assert here.page.evaluate("navigator.clipboard.readText()") == issue.token
        assert issue.token not in answer.value.text() + here.page.content()


def test_an_answer_only_token_is_in_the_answer_and_nowhere_on_the_page(chromium: Browser) -> None:
    """Whoever does not read the answer has lost it."""
    with screen(chromium, Scenario(**QUICK, reveal="answer_only")) as here:
        here.open_pixel()
        here.press("tab-settings")
        with here.page.expect_response("**/access_token") as answer:
            here.press("generate")
        expect(here.control("token-made")).to_be_visible()
        (issue,) = here.console.ledger.issued()
        assert issue.token == answer.value.json()["data"]["access_token"]
        assert issue.answered and issue.token not in here.page.content()


def test_a_window_that_a_script_opened_closes_after_the_answer(chromium: Browser) -> None:
    """The token was issued and answered all the same."""
    with screen(chromium, preset("closes", **QUICK)) as here:
        here.page.goto(here.console.url)
        with here.page.expect_popup() as opened:
            here.page.evaluate("to => void window.open(to)", here.console.pixel_url(here.pixel))
        popup = Screen(opened.value, here.console)
        popup.press("tab-settings")
        with popup.page.expect_event("close"):
            popup.press("generate")
        assert len(here.console.ledger.answered()) == 1


def test_a_window_that_may_not_close_itself_goes_blank(chromium: Browser) -> None:
    """Chromium lets a script close only what a script opened."""
    with screen(chromium, preset("closes", **QUICK)) as here:
        here.open_pixel()
        here.press("tab-settings", "generate")
        here.page.wait_for_url("about:blank")
        assert len(here.console.ledger.answered()) == 1


@pytest.mark.parametrize("look", LOOKS)
def test_the_menus_lead_to_a_pixel_on_the_second_page(chromium: Browser, look: str) -> None:
    """Where its own address leads to the list."""
    with screen(chromium, preset("menus_only", look=look, **QUICK)) as here:
        here.pixel = here.console.accounts[0].pixels[2]
        here.open_pixel()
        expect(here.control("pixel-row")).to_have_count(2)
        here.press(*BY_MENUS[:-1])
        expect(here.control("list-page")).to_have_text("Page 1 of 2")
        here.press("list-next")
        expect(here.control("list-page")).to_have_text("Page 2 of 2")
        here.press("pixel-row")
        expect(here.control("pixel-id")).to_have_text(f"ID: {here.pixel.code}")
        expect(here.control("account-id")).to_contain_text(here.pixel.aadvid)


def test_the_way_by_datasets_has_no_data_sources_in_the_side_bar(chromium: Browser) -> None:
    """The newer way in: Events Manager, then the overview on the right."""
    with screen(chromium, preset("datasets", **QUICK)) as here:
        here.page.goto(here.console.url)
        here.press("nav-tools", "menu-events-manager", "datasets-view")
        expect(here.control("pixel-row")).to_have_count(3)
        expect(here.control("side-data-sources")).to_have_count(0)


def test_the_list_can_be_searched_by_code(chromium: Browser) -> None:
    """The search asks the console, it does not sift what is there."""
    with screen(chromium, Scenario(**QUICK, search=True, page_size=1)) as here:
        wanted = here.console.accounts[0].pixels[2]
        here.page.goto(f"{here.console.url}/i18n/events_manager/datasource/list")
        box = here.control("list-search").locator("input")
        box.fill(wanted.code.lower())
        box.press("Enter")
        expect(here.control("pixels")).to_contain_text(wanted.code)
        expect(here.control("list-page")).to_have_text("Page 1 of 1")


def test_a_person_signs_in_and_lands_where_they_wanted(chromium: Browser) -> None:
    """Nothing that was typed leaves the page."""
    sent: list[str] = []
    with screen(chromium, Scenario(**QUICK), signed=False) as here:
        here.page.on("request", lambda each: sent.append(each.post_data or ""))
        here.open_pixel()
        expect(here.page).to_have_title("TikTok Ads: Log In")
        here.page.locator("#TikTok_Ads_SSO_Login_Email_Input").fill("person@example.com")
        here.page.locator("#TikTok_Ads_SSO_Login_Pwd_Input").fill("correct horse")
        here.press("sign-in")
        expect(here.control("pixel-id")).to_have_text(f"ID: {here.pixel.code}")
        names = {each.get("name") for each in here.page.context.cookies()}
    assert {"sessionid_ads", "sid_guard_ads"} <= names
    assert not any("person" in each or "horse" in each for each in sent)


def test_the_sign_in_page_can_sign_in_by_itself(chromium: Browser) -> None:
    """As if a person had, for tests of the hand-off."""
    with screen(chromium, Scenario(**QUICK, auto_sign_in_s=0.1), signed=False) as here:
        here.open_pixel()
        expect(here.control("pixel-id")).to_be_visible()
        assert here.console.ledger.calls()["sign_in"] == 1


@pytest.mark.parametrize("look", LOOKS)
def test_a_disabled_button_is_disabled_inside_and_does_nothing(
    chromium: Browser, look: str
) -> None:
    """Its host looks enabled in the component look, as the real ones do."""
    with screen(chromium, preset("disabled", look=look, **QUICK)) as here:
        here.open_pixel()
        here.press("tab-settings")
        expect(here.page.get_by_role("button", name="Generate access token")).to_be_disabled()
        here.control("generate").click(force=True)
        here.press("partner-connect")
        assert "partner-connect" in here.clicks(at_least=2)
        assert "generate" not in here.console.ledger.calls()


def test_no_button_without_permission(chromium: Browser) -> None:
    """The section is there, the control is not."""
    with screen(chromium, preset("no_button", **QUICK)) as here:
        here.open_pixel()
        here.press("tab-settings")
        expect(here.control("events-api")).to_be_visible()
        expect(here.control("generate")).to_have_count(0)


def test_another_account_is_shown_silently(chromium: Browser) -> None:
    """The address and the pixel are as asked; the header alone tells."""
    with screen(chromium, preset("wrong_account", **QUICK)) as here:
        here.open_pixel()
        expect(here.control("account-id")).to_contain_text(here.console.accounts[1].aadvid)
        expect(here.control("pixel-id")).to_have_text(f"ID: {here.pixel.code}")


def test_another_pixel_is_shown_silently(chromium: Browser) -> None:
    """And whoever clicks there makes a token for that one."""
    with screen(chromium, preset("wrong_pixel", **QUICK)) as here:
        here.generate()
        other = here.console.accounts[0].pixels[1].code
        expect(here.control("pixel-id")).to_have_text(f"ID: {other}")
        assert here.console.ledger.generations(other) == 1
        assert here.console.ledger.generations(here.pixel.code) == 0


@pytest.mark.parametrize("look", CHOICES["look"])
def test_clicks_on_what_must_not_be_clicked_are_seen(chromium: Browser, look: str) -> None:
    """Another section's generate button and a delete button do nothing but tell."""
    with screen(chromium, preset("decoys", look=look, **QUICK)) as here:
        here.open_pixel()
        here.press("tab-settings", "offline-generate", "delete-delete")
        assert here.clicks(at_least=3) == ["tab-settings", "offline-generate", "delete-delete"]
        assert here.console.ledger.issued() == []


def test_a_swallowed_click_asks_for_nothing(chromium: Browser) -> None:
    """The click is reported, the call is not made, and the second one works."""
    with screen(chromium, preset("late_hydration", **QUICK)) as here:
        here.open_pixel()
        here.press("tab-settings", "generate")
        assert here.clicks(at_least=2)[-1] == "generate"
        assert "generate" not in here.console.ledger.calls()
        here.press("generate")
        expect(here.control("token")).to_be_visible()
        assert len(here.console.ledger.issued()) == 1


def test_a_popup_eats_clicks_until_it_is_closed(chromium: Browser) -> None:
    """The point of the tab is under the overlay."""
    with screen(chromium, preset("popups", **QUICK)) as here:
        here.open_pixel()
        expect(here.control("announcement")).to_be_visible()
        box = here.control("tab-settings").bounding_box()
        assert box is not None
        here.page.mouse.click(box["x"] + 5, box["y"] + 5)
        assert here.clicks(at_least=1) == ["announcement"]
        expect(here.control("generate")).to_have_count(0)


def test_the_react_look_has_names_that_no_later_build_has(chromium: Browser) -> None:
    """No class says what it is for, no handler sits on what it is for, the dialog is a portal's."""
    with screen(chromium, preset("react_dialog", **QUICK)) as here:
        here.open_pixel()
        here.press(*GENERATE)
        expect(here.control("confirm-yes")).to_be_visible()
        names = here.page.evaluate(
            "[...document.querySelectorAll('body [class]')].flatMap(each => [...each.classList])"
        )
        portal = here.page.locator("#app").get_by_test_id(f"confirm-{here.console.build}")
        expect(portal).to_have_count(0)
    assert all(each.startswith("css-") for each in names), set(names)


def test_a_virtual_list_holds_the_rows_in_sight(chromium: Browser) -> None:
    """The last pixel is in the page once somebody has scrolled there, and the first is not."""
    with screen(chromium, preset("virtual_list", **QUICK), pixels=30) as here:
        first, *_, last = here.console.accounts[0].pixels
        here.page.goto(f"{here.console.url}/i18n/events_manager/datasource/list")
        rows = here.control("pixels")
        expect(rows).to_contain_text(first.code)
        expect(rows).not_to_contain_text(last.code)
        here.control("pixel-row").first.hover()
        here.page.mouse.wheel(0, 5000)
        expect(rows).to_contain_text(last.code)
        expect(rows).not_to_contain_text(first.code)


def test_lookalikes_stand_beside_a_token_that_no_answer_holds(chromium: Browser) -> None:
    """The pixel's code, the request's id as long as a token, and most of an older token."""
    with screen(chromium, preset("lookalikes_sealed", **QUICK)) as here:
        here.open_pixel()
        here.press(*SETTINGS)
        with here.page.expect_response("**/access_token") as answer:
            here.press("generate")
        expect(here.control("token")).to_have_text(here.console.ledger.issued()[0].token)
        said, section = answer.value.json(), here.control("events-api")
        assert here.console.ledger.issued()[0].token not in answer.value.text()
        for lookalike in (here.pixel.code, said["request_id"], "Earlier access token"):
            expect(section).to_contain_text(lookalike)
        assert len(said["request_id"]) == len(here.console.ledger.issued()[0].token)


def test_an_assistant_eats_clicks_on_the_button_until_it_is_closed(chromium: Browser) -> None:
    """It lies over the section, not over the tabs."""
    with screen(chromium, preset("assistant", **QUICK)) as here:
        here.open_pixel()
        here.press(*SETTINGS)
        button = here.control("generate")
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        here.page.mouse.click(box["x"] + 5, box["y"] + 5)
        assert here.clicks(at_least=2) == ["tab-settings", "assistant"]
        here.press("assistant-close", "generate")
        expect(here.control("token")).to_be_visible()
