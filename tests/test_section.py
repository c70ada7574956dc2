# ruff: noqa: E501 - drawn HTML reads better unbroken
"""From the Settings tab to the button: closed, scrolled to, behind an entry, late; on drawn pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from automation.browser import Lane
from automation.errors import AutomationError, PageChanged, PermissionDenied
from flows.pages import pixel_page, section
from flows.pages.pixel_page import PixelPage
from flows.wording import load
from tests.drawn import clicks, count_clicks, show

WORDING = load()
CODE, ACCOUNT = "D69ESQRC77U0KGAU8B90", "7654321098765432109"
BUTTON = "<button data-right=generate>Generate access token</button>"
FULL = f"<h3>Events API</h3><p>Send events from your server.</p>{BUTTON}"
OTHER = "<h3>Cookies</h3><p>First-party cookies.</p><button data-right=other>Edit</button>"
FOLD = "this.nextSibling.hidden = !this.nextSibling.hidden"


@pytest.fixture(scope="module")
def page(lane: Lane) -> Iterator[Page]:
    """One page for all tests here; `show` begins afresh."""
    yield lane.open()
    lane.close_context()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn pages do not take eight seconds to settle."""
    monkeypatch.setattr(section, "_AT_ONCE_S", 0.4)


def settings(page: Page, panel: str, script: str = "", patience_s: float = 5) -> PixelPage:
    """Draw a pixel whose Settings tab shows `panel` when it is clicked."""
    show(
        page,
        f"<h1>Shop</h1><p>Pixel ID: {CODE}</p><div role=tablist><button role=tab>Overview</button><button role=tab id=tab"
        f" data-right=tab>Settings</button></div><main id=panel><p>Overview</p></main><template id=kept>{panel}</template>"
        f"<script>tab.onclick = () => {{ panel.innerHTML = kept.innerHTML; {script} }}</script>",
    )
    count_clicks(page)
    return PixelPage(page, WORDING, CODE, ACCOUNT, patience_s=patience_s, clear=lambda: None)


REACHED = {
    "at once": (FULL + OTHER, "", ["tab"]),
    "closed, by details": (
        f"<details><summary>Cookies</summary>{OTHER}</details><details><summary data-right=entry>Events API</summary>"
        f"<p>Send events.</p>{BUTTON}</details>",
        "",
        ["tab", "entry"],
    ),
    "closed, by a box": (
        f'<div><div style="cursor:pointer" onclick="{FOLD}">Cookies</div><div hidden>{OTHER}</div></div><div>'
        f'<div style="cursor:pointer" data-right=entry onclick="{FOLD}">Events API <i>▸</i></div><div hidden><p>Send events.</p>{BUTTON}</div></div>',
        "",
        ["tab", "entry"],
    ),
    "a line of a menu beside it": (
        '<ul><li style="cursor:pointer">General</li><li style="cursor:pointer" data-right=entry id=entry>Events API</li></ul>'
        f"<div id=right>{OTHER}</div><template id=more>{FULL}</template>",
        "entry.onclick = () => { right.innerHTML = more.innerHTML }",
        ["tab", "entry"],
    ),
    "drawn when it is scrolled to": (
        f"<section style='min-height:1900px'>{OTHER}</section><section id=late style='min-height:400px'></section><template id=more>{FULL}</template>",
        "new IntersectionObserver((seen) => { if (seen[0].isIntersecting) late.innerHTML = more.innerHTML }).observe(late)",
        ["tab"],
    ),
    "a list of anchors, and the button late": (
        f'<ul><li><a href="#cookies">Cookies</a></li><li><a href="#api" data-right=entry>Events API</a></li></ul>{OTHER}<div id=late><h3 id=api>Events API</h3>'
        f"<p>Send events from your server.</p></div><template id=more>{BUTTON}</template>",
        "setTimeout(() => late.insertAdjacentHTML('beforeend', more.innerHTML), 700)",
        ["tab", "entry"],
    ),
    "switched on while it is drawn": (
        f"<h3>Events API</h3><p>Send events.</p>{BUTTON.replace('button ', 'button id=off disabled ', 1)}",
        "setTimeout(() => { off.disabled = false }, 2500)",
        ["tab"],
    ),
}


@pytest.mark.parametrize("case", REACHED)
def test_the_button_is_reached_by_what_leads_to_it_and_nothing_else(page: Page, case: str) -> None:
    """The tab, then at most the section's own entry; the button itself is not touched."""
    panel, script, pressed = REACHED[case]
    tab = settings(page, panel, script)
    tab.open_settings()
    tab.find_generate(replace=False)
    assert tab.control is not None
    assert tab.control.element.get_attribute("data-right") == "generate"
    assert clicks(page) == pressed


REFUSED = {
    "what begins a creation stood there before": (
        "<p>Nothing is set up.</p>",
        f"<button id=card data-right=card>Events API</button><template id=more>{FULL}</template>",
        ["tab"],
    ),
    "an entry that leads nowhere is left as it was": (
        '<ul><li style="cursor:pointer">General</li><li style="cursor:pointer" data-right=entry>Events API</li></ul><p>General.</p>',
        "",
        ["tab", "entry", "entry"],
    ),
    "two entries": (
        "<button data-right=one>Events API</button><p>Web.</p><button data-right=two>Events API</button><p>App.</p>",
        "",
        ["tab"],
    ),
    "a link to another page": ("<p><a href='https://help.example/'>Events API</a></p>", "", ["tab"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_nothing_is_pressed_that_is_not_the_section_s_own_entry(page: Page, case: str) -> None:
    """Whatever is refused, no button that generates was come by on the way."""
    panel, beside, pressed = REFUSED[case]
    tab = settings(page, panel, patience_s=1)
    page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", beside)
    with pytest.raises(AutomationError) as raised:
        tab.open_settings()
        tab.find_generate(replace=False)
    assert isinstance(raised.value, PageChanged | PermissionDenied)
    assert clicks(page) == pressed


def test_a_control_that_was_drawn_anew_is_the_same_to_whoever_looks(page: Page) -> None:
    """As when a page hydrates after the click: nothing changed, and the next click reaches it."""
    tab = settings(page, f"<div id=redrawn>{FULL}</div>")
    tab.open_settings()
    tab.find_generate(replace=False)
    before = tab.look()
    page.evaluate("() => { redrawn.innerHTML = redrawn.innerHTML }")
    count_clicks(page)
    assert tab.look() == before
    tab.click()
    assert clicks(page)[-1] == "generate"


@pytest.mark.parametrize("change", ["Generating…", "Regenerate access token", ""])
def test_a_control_that_says_something_else_is_not_the_same(page: Page, change: str) -> None:
    """Then the click had an effect, and is not made again."""
    tab = settings(page, f"<div id=redrawn>{FULL}</div>")
    tab.open_settings()
    tab.find_generate(replace=False)
    before = tab.look()
    page.evaluate(
        "(says) => { redrawn.innerHTML = redrawn.innerHTML;"
        " const b = redrawn.querySelector('button'); if (says) b.textContent = says; else b.remove() }",
        change,
    )
    assert tab.look() != before


def test_a_control_that_stays_off_is_permission_denied(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it had its time to be switched on."""
    monkeypatch.setattr(pixel_page, "_OFF_S", 0.3)
    tab = settings(page, f"<h3>Events API</h3><p>Text.</p>{BUTTON.replace(' ', ' disabled ', 1)}")
    tab.open_settings()
    with pytest.raises(PermissionDenied, match="switched off"):
        tab.find_generate(replace=False)


def test_a_button_that_is_drawn_anew_all_the_time_is_clicked_once(page: Page) -> None:
    """Another element each time: the one that stands there when its moment comes."""
    again = """setInterval(() => { const old = panel.querySelector('[data-right=generate]');
      if (old && !window.pressed) { const anew = old.cloneNode(true);
        anew.onclick = () => { window.pressed = 1 }; old.replaceWith(anew) } }, 700);"""
    about = f"<p>Account ID: {ACCOUNT}</p>"
    shown = settings(page, about + FULL + OTHER, again, patience_s=60)
    shown.open_settings()
    shown.read()
    shown.find_generate(replace=False)
    shown.check_again()
    shown.click()
    assert clicks(page) == ["tab", "generate"]
