"""The report's page in a real browser: what it shows, by keyboard, in the dark, small, on paper."""

import importlib.resources
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from flows.reporting.fleet import STATES, Fleet, fleet_of
from flows.reporting.page import encoded, render
from tests.drawn_fleet import LIMIT, NOW, code, drawn, failed, standing

Show = Callable[[Fleet], Page]

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
NONE = "\u2013"
"""What stands where nothing is known."""
NAMES = ["</script><img src=x onerror=alert(1)>", "{{ 7*7 }}", "a&amp;b <b>", "\u202eeman"]


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Show:
    """Open a fleet's page as a person does, from a file; it may ask for nothing else."""
    asked: list[str] = []
    said: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    def open_page(fleet: Fleet) -> Page:
        file = tmp_path / "report.html"
        file.write_bytes(encoded(render(fleet)))
        page.set_viewport_size(WIDE)  # type: ignore[arg-type] # a plain dict is what it takes
        page.goto(file.as_uri())
        assert asked == [file.as_uri()]
        return page

    open_page.asked = asked  # type: ignore[attr-defined] # for the test's end
    open_page.said = said  # type: ignore[attr-defined] # for the test's end
    return open_page


@pytest.fixture(autouse=True)
def nothing_is_asked_for(show: Any, page: Page) -> Any:
    """After each test: one request, the file's own; no error, no dialog."""
    yield
    assert len(show.asked) <= 1
    assert show.said == []


def codes(page: Page) -> list[str]:
    """The pixels that the table shows, in order."""
    return page.locator("#rows .open").all_inner_texts()


def focused(page: Page) -> str:
    """What the focused thing says."""
    return str(page.evaluate("document.activeElement.innerText"))


def some() -> Fleet:
    """Five pixels, each in a state of its own."""
    standings = [
        standing(0, age_days=70), standing(1, age_days=50), standing(2, age_days=3),
        standing(3, **failed("human_check")), standing(4, **failed("site_busy")),
    ]  # fmt: skip
    return fleet_of(standings, [], LIMIT, NOW)


def test_it_shows_what_is_known_of_every_pixel(show: Show) -> None:
    """Cell by cell, for a fleet of everything."""
    fleet = drawn(60)
    page = show(fleet)
    assert sorted(codes(page)) == sorted(each.standing.result.pixel or "" for each in fleet.pixels)
    for each in fleet.pixels:
        result = each.standing.result
        cells = page.locator("#rows .row", has_text=result.pixel or "").locator("td").all()
        said = [cell.inner_text() for cell in cells]
        age = each.age_days
        days = NONE if age is None else f"{age:.1f} d" if age < 10 else f"{int(age)} d"
        assert said[0] == f"{result.pixel}\n{each.standing.name}"
        assert said[1].startswith(STATES[each.state])
        assert said[2:5] == [result.account, days, result.fingerprint or NONE]
        assert said[5:] == [
            " ".join(result.stored_in) or NONE,
            {True: "yes", False: "no", None: NONE}[result.verified],
            " ".join(result.delivered) or ("no" if each.owed else NONE),
        ]
    assert page.locator("h1").inner_text().startswith(f"{fleet.pressing} of 60 pixels")
    rows = page.locator(".run").first.locator("tbody tr")
    newest = [each for each in fleet.history if each.run == fleet.history[-1].run]
    assert sorted(rows.locator("td:first-child").all_inner_texts()) == sorted(
        each.pixel for each in newest
    )


def test_what_needs_a_person_comes_first_and_leads_to_its_pixels(show: Show) -> None:
    """With the next step; the link shows them alone and goes there."""
    page = show(some())
    assert page.locator("h3").all_inner_texts() == [
        "The console asks for a person", "The console was busy", "Due for rotation",
    ]  # fmt: skip
    assert "pixelmint rotate --older-than 60d" in page.locator(".need").last.inner_text()
    page.locator(".need").first.get_by_role("link").click()
    assert codes(page) == [code(3)]
    assert focused(page) == code(3)
    page.locator(".need").last.get_by_role("link").click()
    assert codes(page) == [code(0)]
    assert page.locator("#chips [aria-pressed=true]").inner_text().startswith("due")


def test_the_table_is_filtered_sorted_and_walked_by_keyboard(show: Show) -> None:
    """`/` filters, arrows and letters move, Enter opens, Esc clears."""
    page = show(some())
    assert codes(page) == [code(each) for each in (3, 4, 0, 1, 2)]
    page.keyboard.press("/")
    page.keyboard.type(code(4)[:6].lower())
    assert codes(page) == [code(4)]
    assert page.locator("#shown").inner_text() == "1 of 5 pixels"
    page.keyboard.press("Escape")
    assert len(codes(page)) == 5
    page.keyboard.type("state:due site")
    assert codes(page) == []
    assert page.locator("#nothing").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    assert focused(page) == code(3)
    page.keyboard.press("j")
    assert focused(page) == code(4)
    page.keyboard.press("Enter")
    more = page.locator(".more").inner_text()
    assert "too many requests" in more and "wait a few minutes" in more
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert focused(page) == code(3)
    page.keyboard.press("k")
    page.keyboard.type("/j")
    assert page.locator("#find").input_value() == "/j"
    page.keyboard.press("Escape")

    head = page.get_by_role("columnheader", name="Age")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert codes(page)[:2] == [code(0), code(1)]
    page.keyboard.press("Enter")
    assert codes(page)[0] == code(2)


def test_a_name_is_a_text_wherever_it_is_shown(show: Show) -> None:
    """Nothing of it runs, and it reads as it was written."""
    standings = [
        standing(
            at, name=name, profile=name, outcome="failed",
            error={"code": "site_refused", "message": name, "next_step": name},
        )
        for at, name in enumerate(NAMES)
    ]  # fmt: skip
    page = show(fleet_of(standings, [], LIMIT, NOW))
    assert sorted(page.locator(".name").all_inner_texts()) == sorted(NAMES)
    assert page.locator(".need .step").inner_text() in NAMES
    for opener in page.locator(".open").all():
        opener.click()
    assert page.locator(".more dd", has_text=NAMES[0]).count() == 3
    page.locator("#wall").hover(position={"x": 5, "y": 5})
    assert any(name in page.locator("#tip").inner_text() for name in NAMES)
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_can_be_used_by_everybody(show: Show, scheme: Any, size: Any) -> None:
    """axe finds no violation, with a row open and a chip pressed; nothing is cut at the side."""
    page = show(drawn(100))
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    page.locator("#chips button").first.click()
    page.locator(".open").first.click()
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    assert len(found["passes"]) > 20
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_empty_home_has_a_friendly_page(show: Show) -> None:
    """It says how to begin, and is for everybody too."""
    page = show(fleet_of([], [], LIMIT, NOW))
    assert "No pixel is known here yet." in page.locator("h1").inner_text()
    assert page.locator("li code").first.inner_text() == "pixelmint sign-in"
    page.evaluate(AXE)
    assert page.evaluate("axe.run().then((found) => found.violations.map((each) => each.id))") == []


def test_light_and_dark_can_be_chosen(show: Show) -> None:
    """Else they are the system's; the choice outlives the page."""
    page = show(some())

    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="light")
    light = paper()
    page.emulate_media(color_scheme="dark")
    dark = paper()
    assert light != dark
    page.locator("#theme").click()
    assert (page.locator("#theme").inner_text(), paper()) == ("Theme: light", light)
    page.emulate_media(color_scheme="light")
    page.locator("#theme").click()
    assert (page.locator("#theme").inner_text(), paper()) == ("Theme: dark", dark)
    assert page.evaluate("localStorage.getItem('pixelmint-theme')") == "dark"


def test_on_paper_every_pixel_is_there_and_no_control(show: Show) -> None:
    """Light, whatever the screen is."""
    page = show(drawn(400))
    assert len(codes(page)) < 400
    page.emulate_media(media="print", color_scheme="dark")
    page.locator("#rows .row:nth-child(400)").wait_for()
    assert page.locator("#find").is_hidden()
    assert page.locator("#theme").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_ten_thousand_pixels_are_all_there(show: Show) -> None:
    """Each is found, and the last is reached by going on; how fast is the benchmark's."""
    fleet = drawn(10_000)
    page = show(fleet)
    assert page.locator("#shown").inner_text() == "10,000 pixels"
    last = fleet.pixels[-1].standing.result.pixel or ""
    page.locator("#find").fill(last)
    assert codes(page) == [last]
    page.locator("#find").fill("account:7")
    assert page.locator("#shown").inner_text() == "10,000 pixels"
    page.get_by_role("button", name="State").click()
    assert codes(page)[0] in {each.standing.result.pixel for each in fleet.pixels}


def test_rows_come_as_one_goes_on(show: Show) -> None:
    """By scrolling, and by the keyboard past the last that is there."""
    page = show(drawn(700))
    before = len(codes(page))
    assert before < 700
    page.locator("#rows .open").last.focus()
    page.keyboard.press("j")
    assert focused(page) == codes(page)[before]
