# ruff: noqa: E501, RUF001 - drawn HTML reads better unbroken; other languages have their own letters
"""Rows, icons, sections, dialogs and what stands near: the finder where place tells."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from automation.browser import Lane
from automation.controls import dialogs, look, nearest, region, texts
from automation.errors import PageChanged
from flows.wording import load
from tests.drawn import clicks, components, count_clicks, mark, show

WORDING = load()
SECTION = WORDING.meaning("events_api_section")
GENERATE = WORDING.meaning("generate")
COPY = WORDING.meaning("copy")
CODE, OTHER, THIRD = "D69ESQRC77U0KGAU8B90", "D69ESQRC77U0KGAU8B9G", "CQ1B2C3D4E5F6G7H8I90"


@pytest.fixture(scope="module")
def page(lane: Lane) -> Iterator[Page]:
    """One page for all tests here; `show` begins afresh."""
    yield lane.open()
    lane.close_context()


ROWS = {
    "table with links": "<table><tr><th>Name<th>ID</tr>"
    f"<tr><td><a href='#a'>Shop</a><td>{OTHER}<td><button>Delete</button></tr>"
    f"<tr><td><a href='#b' data-right=row>Shop</a><td>{CODE}<td><button>Delete</button></tr></table>",
    "list without roles": f"<div><div><div style='cursor:pointer'>Shop</div><div>ID: {OTHER}</div></div>"
    f"<div><div style='cursor:pointer' data-right=row>Shop</div><div>ID: {CODE}</div></div></div>",
    "whole rows clickable": f"<div><div style='cursor:pointer'><b>Shop</b><div>ID: {OTHER}</div></div>"
    f"<div style='cursor:pointer' data-right=row><b>Shop</b><div>ID: {CODE}</div></div></div>",
    "link holds the code": f"<ul><li><a href='/x/{OTHER}'>Shop</a> <a href='/help'>Help</a></li>"
    f"<li><a href='/x/{CODE}?aadvid=1' data-right=row>Shop</a> <a href='/help'>Help</a></li></ul>",
    "one row only": f"<div class=h>Name ID</div><div class=r><span style='cursor:pointer' data-right=row>Shop</span><i>{CODE}</i></div>",
    "cards in shadow roots": f"{components()}<ks-card-1-1-1m><a href='#1'>Shop</a> <span>{OTHER}</span></ks-card-1-1-1m>"
    f"<ks-card-1-1-1m><a href='#2' data-right=row>Shop</a> <span>{CODE}</span></ks-card-1-1-1m>",
    "code in a title": f"<table><tr><td><a href='#a'>Shop</a><td title='{OTHER}'>D69E…9G</tr>"
    f"<tr><td><a href='#b' data-right=row>Shop</a><td title='{CODE}'>D69E…90</tr></table>",
    "role rows": f"<div role=table><div role=row><span role=link tabindex=0>Shop</span><span>{OTHER}</span></div>"
    f"<div role=row><span role=link tabindex=0 data-right=row>Shop</span><span>{CODE}</span></div></div>",
    "code is the link": f"<table><tr><td>Shop<td><a href='#1'>{OTHER}</a></tr><tr><td>Shop<td><a href='#2' data-right=row>{CODE}</a></tr></table>",
    "checkbox and actions": f"<table><tr><td><input type=checkbox><td><a href='#1' data-right=row>Shop</a><td>{CODE}"
    "<td><button aria-label='Copy'></button><button>Remove</button></tr>"
    f"<tr><td><input type=checkbox><td><a href='#2'>Shop</a><td>{THIRD}<td><button>Remove</button></tr></table>",
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_is_opened_by_its_code_not_its_name(page: Page, case: str) -> None:
    """Two pixels of one name: the click lands in the row of the code."""
    show(page, ROWS[case])
    seen = look(page, WORDING.row(CODE))
    assert (mark(seen.found), seen.why) == ("row", "")
    count_clicks(page)
    assert seen.found is not None
    seen.found.click(5000)
    assert clicks(page) == ["row"]


NO_ROWS = {
    "not listed": f"<table><tr><td><a href='#a'>Shop</a><td>{OTHER}</tr></table>",
    "only a part of the code": f"<table><tr><td><a href='#a'>Shop</a><td>{CODE}AB</tr></table>",
    "twice": f"<table><tr><td><a href='#a'>Shop</a><td>{CODE}</tr><tr><td>{OTHER}</tr><tr><td><a href='#b'>Shop</a><td>{CODE}</tr></table>",
    "two links": f"<table><tr><td><a href='#a'>Shop</a><td><a href='#b'>Owner</a><td>{CODE}</tr></table>",
    "hidden row": f"<table><tr hidden><td><a href='#a'>Shop</a><td>{CODE}</tr></table>",
}


@pytest.mark.parametrize("case", NO_ROWS)
def test_no_row_is_opened_where_it_is_not_clear(page: Page, case: str) -> None:
    """Refused, with a reason."""
    seen = look(show(page, NO_ROWS[case]), WORDING.row(CODE))
    assert seen.found is None
    assert seen.why


SVG = "<svg width=16 height=16><rect width=9 height=9 /></svg>"
ICONS = {
    "nameless beside the value": f"<div><div>Access Token</div><div><span>••••</span><span style='cursor:pointer' data-right=i>{SVG}</span></div></div>",
    "named": f"<div>Access Token <button aria-label=Copy data-right=i>{SVG}</button><button aria-label=Show>{SVG}</button></div>",
    "told by its picture": "<div>Access Token <span style='cursor:pointer'><svg width=16 height=16><use href='#eye'/></svg></span>"
    "<span style='cursor:pointer' data-right=i><svg width=16 height=16><use href='#icon-copy'/></svg></span></div>",
    "another beside the code": f"<div><div>Pixel ID {CODE} <button>{SVG}</button></div></div>"
    f"<div><div>Access Token</div><div>•••• <button data-right=i>{SVG}</button></div></div>",
    "rows without wrappers": f"<div>Access Token</div><div>a1b2 <span style='cursor:pointer' data-right=i>{SVG}</span></div>"
    f"<div>Pixel code</div><div>{CODE} <span style='cursor:pointer'>{SVG}</span></div>",
    "with a word": "<div>Access Token <span>••••</span><a href='#' data-right=i>Copy</a></div>",
}


@pytest.mark.parametrize("case", ICONS)
def test_the_copy_control_beside_the_token_is_found(page: Page, case: str) -> None:
    """By name, by picture, or because nothing else is there."""
    seen = look(show(page, ICONS[case]), COPY)
    assert (mark(seen.found), seen.why) == ("i", "")


NO_ICONS = {
    "two nameless": f"<div>Access Token <button>{SVG}</button><button>{SVG}</button></div>",
    "one that deletes": f"<div>Access Token <button aria-label='Delete'>{SVG}</button></div>",
    "one that is something else": f"<div>Access Token <button aria-label='Help'>{SVG}</button></div>",
    "beside another text": f"<div>Pixel ID <button>{SVG}</button></div>",
    "copies the code": "<div>Access Token: none</div><div><button>Copy pixel code</button></div>",
}


@pytest.mark.parametrize("case", NO_ICONS)
def test_no_icon_is_taken_where_it_is_not_clear(page: Page, case: str) -> None:
    """Refused, with a reason."""
    seen = look(show(page, NO_ICONS[case]), COPY)
    assert seen.found is None
    assert seen.why


BUTTON = "<button data-right=generate>Generate access token</button>"
DECOY = "<button data-right=decoy>Generate access token</button>"
SECTIONS = {
    "flat headings": f"<h3>Web</h3>{DECOY}<h3>Events API</h3><p>About it.</p>{BUTTON}<h3>Other</h3>{DECOY}",
    "levels": f"<h2>Events API</h2><h3>Step one</h3><p>Do.</p><h3>Step two</h3>{BUTTON}<h2>Other</h2>{DECOY}",
    "in sections": f"<section><h2>Events API</h2><p>About it.</p>{BUTTON}</section><section><h2>Offline</h2>{DECOY}</section>",
    "head and body": f"<div><div class=h><h4>Events API</h4><i tabindex=0>?</i></div><div>{BUTTON}</div>"
    f"<div class=h><h4>Offline</h4><i tabindex=0>?</i></div><div>{DECOY}</div></div>",
    "bold text": f"<div><b>Web</b><p>{DECOY}</p></div><div><b>Events API</b><p>{BUTTON}</p></div>",
    "same class": f"<div><div class=t>Web</div>{DECOY}</div><div><div class=t>Events API</div>{BUTTON}</div>",
    "menu of anchors": f"<div class=m><div>Web</div><div>Events API</div></div><div><div class=t>Web</div>{DECOY}</div>"
    f"<div><div class=t>Events API</div><p>About this.</p>{BUTTON}</div>",
    "a tab of that name": f"<button role=tab>Events API</button><h3>Events API</h3><p>About it.</p>{BUTTON}<h3>Other</h3>{DECOY}",
    "not the offline one": f"<section><h3>Offline Events API</h3>{DECOY}</section><section><h3>Events API</h3>{BUTTON}</section>",
    "not the wizard": f"<section><h3>Implement Events API</h3>{DECOY}</section><section><h3>Events API</h3>{BUTTON}</section>",
    "a badge in the heading": f"<div><div class=t>Web</div>{DECOY}</div><div><div class=t>Events API <i>Recommended</i></div>{BUTTON}</div>",
    "table cells": f"<table><tr><th>Web<td>{DECOY}</tr><tr><th>Events API<td>{BUTTON}</tr></table>",
    "breadcrumbs": f"<div><span>Home</span>/<span>Events API</span></div><h2>Events API</h2><div>{BUTTON}</div><h2>Web</h2>{DECOY}",
    "titles in slots": f"{components()}<ks-card-1-1-1m><b slot=t>Web</b>{DECOY}</ks-card-1-1-1m><ks-card-1-1-1m><b>Events API</b>{BUTTON}</ks-card-1-1-1m>",
    "a page of that name": f"<h1>Events API</h1><h3>About</h3>{DECOY}<h3>Events API</h3>{BUTTON}<h3>Web</h3>{DECOY}",
    "clickable headings": f"<div><div style='cursor:pointer'>Web</div><div>{DECOY}</div></div><div><div style='cursor:pointer'>"
    f"Events API</div><div>{BUTTON}</div></div>",
    "a handler on everything": f"<div id=all><p>{'words ' * 80}</p><div><div class=t>Web</div>{DECOY}</div><div><div class=t>"
    f"Events API</div>{BUTTON}</div></div><script>all.onclick = () => 1</script>",
    "own heading inside": f"<section><h3>Events API</h3><h3>Access token</h3>{BUTTON}</section><section><h3>Other</h3>{DECOY}</section>",
    "its heading alone changed its class": f"<div role=tabpanel><div class=b><div class='t s' style='font:600 16px a'>Events API</div><p>About it.</p>{BUTTON}</div>"
    f"<div><div class=b><b class=t>Web</b><p>About this.</p>{DECOY}</div></div></div>",
    "an accordion's heading alone changed its class": f"<div><button class=n aria-expanded=true>Events API</button><div><p>About it.</p>{BUTTON}</div></div>"
    f"<div><span><button class=h aria-expanded=true>Web</button></span><div>{DECOY}</div></div>",
    "another heading lost its level": f"<h4>Events API</h4><p>About it.</p>{BUTTON}<div style='font:600 17px a'>Web</div>{DECOY}<h4>Other</h4>",
    "only its heading lost its role": f"<div style='font:600 17px a'>Events API</div><p>About it.</p>{BUTTON}<h4>Web</h4>{DECOY}",
    "words of the heading in the button": "<h3>Events API</h3><p>About it.</p><button data-right=generate>Generate Events API token</button>"
    f"<h3>Web</h3>{DECOY}",
    "more words after its name": f"<h3>Events API integration</h3>{BUTTON}<h3>Set up Events API</h3>{DECOY}",
    "content in a frame": f'<h3>Web</h3>{DECOY}<h3>Events API</h3><iframe srcdoc="{BUTTON.replace(chr(34), "")}"></iframe><h3>Other</h3>',
    "heading in a shadow root": "<x-h></x-h><script>document.querySelector('x-h').attachShadow({mode:'open'})"
    f".innerHTML='<h3>Events API</h3><slot></slot>'</script><p>About it.</p>{BUTTON}<h3>Other</h3>{DECOY}",
}


@pytest.mark.parametrize("case", SECTIONS)
def test_a_section_reaches_to_the_next_heading_of_its_rank(page: Page, case: str) -> None:
    """Its button is found, the one in the next section never."""
    show(page, SECTIONS[case])
    seen = region(page, SECTION).look(GENERATE)
    assert (mark(seen.found), seen.why) == ("generate", "")


ELSEWHERE = {
    "one class of its own": "<main><div class=b><div class='t s' style='font:600 16px a'>Events API</div><p>About this section.</p></div>"
    f"<div class=b><b class=t>Web</b>{DECOY}</div></main>",
    "an accordion": "<div><button class=n aria-expanded=true>Events API</button><p>About this section.</p></div>"
    f"<div><button class=h aria-expanded=true>Web</button>{DECOY}</div>",
    "nothing stands out": f"<main><div><div>Events API</div><p>{'About it. ' * 8}</p></div><div><div>Web</div>{DECOY}</div></main>",
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_the_same_button_of_another_section_is_never_taken(page: Page, case: str) -> None:
    """The drift benchmark found these: a section whose end was not seen reached into the next."""
    show(page, ELSEWHERE[case])
    assert region(page, SECTION).look(GENERATE).found is None


def test_a_folded_section_says_so(page: Page) -> None:
    """Its heading can be clicked to open it."""
    show(
        page,
        "<h3><button aria-expanded=false>Events API</button></h3><h3><button aria-expanded=false>"
        "Other</button></h3>",
    )
    assert region(page, SECTION).folded


@pytest.mark.parametrize(
    "body",
    [
        "<section><h3>Events API</h3><p>About one.</p><button>On</button></section>"
        "<section><h3>Events API</h3><p>About two.</p><button>On</button></section>",
        "<p>The Events API is good.</p>",
        "<a href='#'>Events API</a>",
        "<h3 style='display:none'>Events API</h3><p>text text text text</p>",
        f"<h3>Set up Events API</h3><p>Step by step.</p>{BUTTON}",
        f"<h3>Set up <b>Events API</b></h3><p>Step by step.</p>{BUTTON}",
        "",
    ],
    ids=["two", "a sentence", "a link", "hidden", "wizard", "in pieces", "none"],
)
def test_no_section_is_taken_where_it_is_not_clear(page: Page, body: str) -> None:
    """Two, or none."""
    show(page, body)
    with pytest.raises(PageChanged):
        region(page, SECTION)


RENAMED = {
    "a pixel's settings elsewhere": f"<h3>Web</h3>{DECOY}<h3>Conversions API</h3><p>About it.</p>{BUTTON}<h3>Other</h3>{DECOY}",
    "beside a tab of that name": f"<button role=tab>Server-side tracking</button><h3>Server-side tracking</h3><p>About.</p>{BUTTON}",
    "in another language": f"<section><h3>Serverseitiges Tracking</h3><p>So geht es.</p>{BUTTON}</section><section><h3>Web</h3>{DECOY}</section>",
    "a brand before its own name": f"<h3>TikTok Events API</h3>{BUTTON}<h3>Conversions API</h3>{DECOY}",
    "its own name stands elsewhere": f"<h3>Server events</h3>{DECOY}<h3>Events API</h3>{BUTTON}",
}


@pytest.mark.parametrize("case", RENAMED)
def test_a_section_under_another_name_is_taken_by_what_it_holds(page: Page, case: str) -> None:
    """Where no section has its own name, and exactly one control says what only it says."""
    show(page, RENAMED[case])
    seen = region(page, SECTION).look(GENERATE)
    assert (mark(seen.found), seen.why) == ("generate", "")


NOT_RENAMED = {
    "nothing in it": "<h3>Conversions API</h3><p>About this section.</p><button>Set up</button>",
    "other words in it": "<h3>Conversions API</h3><p>About it.</p><button>Create API key</button>",
    "two in it": f"<h3>Conversions API</h3><p>About it.</p>{BUTTON}{DECOY}",
    "two of them": f"<section><h3>Conversions API</h3>{BUTTON}</section><section><h3>Server events</h3>{DECOY}</section>",
    "a longer name": f"<h3>Conversions API Gateway</h3><p>About it.</p>{BUTTON}",
    "less than its name": f"<h3>Conversions</h3><p>About it.</p>{BUTTON}",
    "an offline one": f"<h3>Offline Conversions API</h3><p>About it.</p>{BUTTON}",
    "what only says it": "<h3>Conversions API</h3><p>Generate access token</p><button>Set up</button>",
}


@pytest.mark.parametrize("case", NOT_RENAMED)
def test_another_name_alone_is_no_section(page: Page, case: str) -> None:
    """Refused, as any section that is not known."""
    show(page, NOT_RENAMED[case])
    with pytest.raises(PageChanged):
        region(page, SECTION)


def test_a_section_under_another_name_gives_way_to_the_right_one(page: Page) -> None:
    """A page may draw the right one later."""
    show(page, f"<div><h3>Server events</h3><p>About it.</p>{BUTTON}</div>")
    section = region(page, SECTION)
    assert mark(section.find(GENERATE)) == "generate"
    page.evaluate(
        "() => document.body.insertAdjacentHTML('beforeend',"
        " '<div><h3>Events API</h3><p>About it.</p><button>On</button></div>')"
    )
    assert section.look(GENERATE).found is None
    assert not section.there()


def test_a_section_is_found_again_after_it_was_drawn_anew(page: Page) -> None:
    """Frameworks replace elements while one looks at them."""
    show(page, f"<div id=o><section><h3>Events API</h3><p>About it.</p>{BUTTON}</section></div>")
    section = region(page, SECTION)
    page.evaluate("() => { o.innerHTML = o.innerHTML }")
    assert mark(section.find(GENERATE)) == "generate"
    page.evaluate("() => { o.innerHTML = '' }")
    assert section.look(GENERATE).found is None
    assert section.text() == ""
    assert not section.there()


def test_the_text_of_a_section_is_what_can_be_seen(page: Page) -> None:
    """Across shadow roots and frames, without what is hidden."""
    show(
        page,
        components()
        + "<section><h3>Events API</h3><p>seen</p><p hidden>hidden</p><style>p{}</style>"
        "<ks-button-1-1-1m>slotted</ks-button-1-1-1m><iframe srcdoc='<p>framed</p>'></iframe></section>"
        "<section><h3>Other</h3><p>elsewhere</p></section>",
    )
    assert region(page, SECTION).text().split() == ["Events", "API", "seen", "slotted", "framed"]


DIALOGS = {
    "role": "<div role=dialog aria-label=Ask>one</div>",
    "element": "<dialog id=d>one</dialog><script>d.showModal()</script>",
    "modal": "<div aria-modal=true>one</div>",
    "by place": "<div style='position:fixed;inset:0;background:#0008'><div style='width:300px'>one</div></div>",
    "role in a fixed box": "<div style='position:fixed;inset:0'><div role=dialog style='width:300px'>one</div></div>",
    "box without size": "<div role=dialog><div style='position:fixed;top:9px;left:9px;width:300px;height:90px'>one</div></div>",
    "component": "<vi-dialog-2-1 style='position:fixed;top:9px;width:300px;height:90px'>one</vi-dialog-2-1>",
}


@pytest.mark.parametrize("case", DIALOGS)
def test_what_lies_over_the_page_is_seen(page: Page, case: str) -> None:
    """Dialogs by role, by element, or by the place they take."""
    show(page, "<p>" + "The page itself. " * 20 + f"</p>{DIALOGS[case]}")
    assert [each.text() for each in dialogs(page)] == ["one"]


@pytest.mark.parametrize(
    "body",
    [
        "<div role=dialog style='display:none'>one</div>",
        "<dialog>one</dialog>",
        "<div style='position:fixed;top:0;left:0;right:0;height:60px'>Header</div>",
        "<div style='position:fixed;top:0;left:0;bottom:0;width:200px'>Menu</div>",
    ],
    ids=["hidden", "not open", "header", "side menu"],
)
def test_a_console_s_own_bars_are_no_dialogs(page: Page, body: str) -> None:
    """Nor is what is not shown."""
    show(page, "<p>" + "The page itself. " * 20 + f"</p>{body}")
    assert dialogs(page) == []


def test_texts_are_read_from_everywhere_they_can_be_seen(page: Page) -> None:
    """Texts, values, titles, names; shadow roots, frames; one split over elements."""
    show(
        page,
        components() + f"<p>ID: {CODE}</p><input value={OTHER}><input type=password value={THIRD}>"
        f"<i title={OTHER}>t</i><b aria-label={OTHER}>n</b><p hidden>{THIRD}</p>"
        f"<ks-link-1-1-1m>{CODE}</ks-link-1-1-1m><iframe srcdoc='<p>{CODE}</p>'></iframe>"
        f"<div><span>{CODE[:8]}</span><span>{CODE[8:]}</span></div>",
    )
    found = sorted((each.source, each.text) for each in texts(page, r"\b[A-Z0-9]{20}\b"))
    assert found == [
        ("name", OTHER),
        *[("text", CODE)] * 4,
        ("title", OTHER),
        ("value", OTHER),
    ]


def test_the_nearest_code_is_the_one_of_the_smallest_part_around(page: Page) -> None:
    """Climbs until something around holds one; then all that it holds."""
    show(
        page,
        f"<p>{THIRD}</p><div><p>{CODE}</p><section><h3>Events API</h3><p>About it.</p>{BUTTON}</section></div>"
        f"<div><input value={OTHER}><section><h3>Other</h3><p>About it.</p><button id=o>x</button></section></div>",
    )
    pattern = r"\b[A-Z0-9]{20}\b"
    section = region(page, SECTION)
    assert nearest(section, pattern) == [CODE]
    assert nearest(section.find(GENERATE), pattern) == [CODE]
    button = page.query_selector("#o")
    assert button is not None
    assert nearest(button, pattern) == [OTHER]
    assert nearest(button, r"\bnothing like it\b") == []


def test_two_codes_in_one_part_are_both_reported(page: Page) -> None:
    """So that the caller can refuse."""
    show(
        page,
        f"<div>{CODE} {OTHER}<section><h3>Events API</h3><p>About it.</p>{BUTTON}</section></div><h3>Other</h3>",
    )
    assert nearest(region(page, SECTION), r"\b[A-Z0-9]{20}\b") == [CODE, OTHER]


FIELDS = {
    "placeholder": "<input placeholder='Search by name or ID' data-right=f><input placeholder='Name'>",
    "text area": "<label>Search <textarea data-right=f></textarea></label>",
    "label": "<label>Search <input data-right=f></label><input>",
    "labelled by": "<span id=l>Search</span><input aria-labelledby=l data-right=f>",
    "shadow": "<x-s></x-s><script>document.querySelector('x-s').attachShadow({mode:'open'}).innerHTML="
    "'<input type=search placeholder=Search data-right=f>'</script>",
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_field_is_found_by_what_is_said_about_it(page: Page, case: str) -> None:
    """Placeholder, label, reference; never a button of that name."""
    show(page, FIELDS[case] + "<button>Search</button>")
    seen = look(page, WORDING.meaning("pixel_search"))
    assert (mark(seen.found), seen.why) == ("f", "")


def dialog(inside: str) -> str:
    """Draw a dialog."""
    return f"<p>The page.</p><div role=dialog>{inside}</div>"


NO = "<button>Cancel</button>"
YES = "<button data-right=yes>{}</button>"
CONFIRMS = {
    "asks": dialog(
        f"<h2>Generate access token?</h2><p>It may stop the current one.</p>{NO}{YES.format('Generate')}"
    ),
    "asks with more words": dialog(
        f"<p>Are you sure to generate a new access token?</p>{NO}{YES.format('Confirm')}"
    ),
    "German": dialog(
        f"<h2>Zugriffstoken generieren?</h2><button>Abbrechen</button>{YES.format('Bestätigen')}"
    ),
    "Japanese": dialog(
        f"<h2>アクセストークンを生成しますか?</h2><button>キャンセル</button>{YES.format('確認')}"
    ),
    "names the pixel": dialog(
        f"<h2>Generate access token</h2><p>For {CODE}</p>{NO}{YES.format('OK')}"
    ),
}


@pytest.mark.parametrize("case", CONFIRMS)
def test_a_dialog_that_asks_whether_to_generate_can_be_confirmed(page: Page, case: str) -> None:
    """By the button that goes on."""
    show(page, CONFIRMS[case])
    seen = dialogs(page)[0].look(WORDING.meaning("confirm"))
    assert (mark(seen.found), seen.why) == ("yes", "")


OTHERS = {
    "shows the token": dialog(
        "<h2>Generate access token</h2><p>a1b2c3d4e5f6a7b8c9d0a1b2</p><button>OK</button>"
    ),
    "shows it in a field": dialog(
        "<h2>Generate access token</h2><input value=a1b2c3d4e5f6a7b8c9d0a1b2><button>OK</button>"
    ),
    "shows it masked": dialog("<h2>Generate access token</h2><p>••••••••</p><button>OK</button>"),
    "asks to delete": dialog(f"<h2>Delete access token?</h2>{NO}<button>Delete</button>"),
    "asks to accept": dialog(
        f"<h2>Access token terms</h2>{NO}<button>Accept and generate</button>"
    ),
    "about something else": dialog(f"<h2>Leave this page?</h2>{NO}<button>OK</button>"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_no_other_dialog_is_confirmed(page: Page, case: str) -> None:
    """Least of all the one that shows the token: its OK would take it away."""
    show(page, OTHERS[case])
    assert dialogs(page)[0].look(WORDING.meaning("confirm")).found is None


ENTRIES = {
    "tools_menu": "<div><div style='cursor:pointer'>Creative tools</div><div style='cursor:pointer' data-right=x>Tools</div></div>",
    "events_menu": "<div><div>Creative</div><div data-right=x>Events</div><div>Events Manager</div><div>Test events</div></div>",
    "events_manager_entry": "<button>Ads Manager</button><button data-right=x>Events Manager</button>",
    "data_sources": "<nav><a href=/overview>Overview</a><a href=/ds data-right=x>Data sources</a></nav>",
    "datasets_overview": "<a href=#x data-right=x>Datasets overview</a><a href=#y>Data</a>",
    "next_page": "<ul><li><button>1</button></li><li><button>2</button></li><li><button aria-label='Next page' data-right=x>›</button></li></ul>",
    "settings_tab": "<header><a href=/s>Settings</a></header><nav><a href=#o>Overview</a><a href=#s data-right=x>Settings</a></nav>",
    "close": "<div role=dialog><button aria-label=Close data-right=x>x</button><p>Text</p></div>",
    "replace": "<button data-right=x>Regenerate access token</button><button>Revoke access token</button>",
    "reveal": "<div>Access Token <input type=password value=x><button aria-label='Show' data-right=x></button><button aria-label=Copy></button></div>",
}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_of_the_other_controls_is_found_among_its_neighbours(page: Page, name: str) -> None:
    """Menus without roles, links, icons with a name."""
    seen = look(show(page, ENTRIES[name]), WORDING.meaning(name))
    assert (mark(seen.found), seen.why) == ("x", "")
