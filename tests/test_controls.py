# ruff: noqa: E501 - drawn HTML reads better unbroken
"""The finder on pages drawn in many ways: exactly the right control, or none."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from automation.browser import Lane
from automation.controls import Found, Look, find, look, region
from automation.errors import PageChanged, PermissionDenied
from flows.wording import load
from tests.drawn import (
    LANGUAGES,
    LOOKS,
    clicks,
    components,
    count_clicks,
    mark,
    settings_page,
    show,
)

WORDING = load()
GENERATE = WORDING.meaning("generate")
SECTION = WORDING.meaning("events_api_section")
EN = LANGUAGES["en"]


def seek(page: Page, body: str, name: str = "generate") -> Look:
    """Show a page and look for one control on the whole of it."""
    return look(show(page, body), WORDING.meaning(name))


@pytest.fixture(scope="module")
def page(lane: Lane) -> Iterator[Page]:
    """One page for all tests here; `show` begins afresh."""
    yield lane.open()
    lane.close_context()


@pytest.mark.parametrize("drawn", LOOKS)
def test_every_look_in_every_language(page: Page, drawn: str) -> None:
    """Tab, section and button are found in all of them, among look-alikes."""
    for language, says in LANGUAGES.items():
        show(page, settings_page(drawn, says))
        tab = look(page, WORDING.meaning("settings_tab"))
        assert (language, mark(tab.found), tab.why) == (language, "settings_tab", "")
        section = region(page, SECTION)
        assert (language, mark(section.heading)) == (language, "events_api_section")
        button = section.look(GENERATE)
        assert (language, mark(button.found), button.why) == (language, "generate", "")


@pytest.mark.parametrize("version", ["1-1-1m", "2-0-17", "9-12-3alpha"])
def test_the_version_in_a_tag_does_not_matter(page: Page, version: str) -> None:
    """The inner real button is taken, whatever the host is called."""
    show(page, settings_page("shadow", EN, version=version))
    found = region(page, SECTION).find(GENERATE)
    assert found.element.evaluate("el => el.localName") == "button"


def test_click_reaches_the_one_control_once(page: Page) -> None:
    """A real click, on the marked control, one event."""
    show(page, settings_page("shadow", EN))
    count_clicks(page)
    region(page, SECTION).find(GENERATE).click(5000)
    assert clicks(page) == ["generate"]


# Pages on which nothing may be taken for the generate button.
WITHOUT = {
    "text in a sentence": "<p>Click Generate access token to make one.</p>",
    "heading only": "<h2>Generate access token</h2>",
    "plain text only": "<div>Generate access token</div>",
    "link to help": '<a href="https://docs.example/x">Generate access token</a>',
    "how to": "<button>How to generate access token</button>",
    "regenerate": "<button>Regenerate access token</button>",
    "re-generate": "<button>Re-generate access token</button>",
    "new one": "<button>Generate new access token</button>",
    "revoke": "<button>Revoke access token</button>",
    "test token": "<button>Generate test access token</button>",
    "offline": "<button>Generate access token (Offline events)</button>",
    "refresh token": "<button>Generate refresh token</button>",
    "test event code": "<button>Generate test event code</button>",
    "told otherwise": "<button aria-label='Delete'>Generate access token</button>",
    "title says delete": "<button title='Delete token'>Generate access token</button>",
    "id says revoke": "<button id='revoke-token'>Generate access token</button>",
    "hidden": "<button style='display:none'>Generate access token</button>",
    "invisible": "<button style='visibility:hidden'>Generate access token</button>",
    "transparent": "<button style='opacity:0'>Generate access token</button>",
    "parent transparent": "<div style='opacity:0'><button>Generate access token</button></div>",
    "no size": "<button style='width:0;height:0;padding:0;border:0;overflow:hidden'>"
    "Generate access token</button>",
    "far off": "<button style='position:absolute;left:-9999px'>Generate access token</button>",
    "folded away": "<div style='height:0;overflow:hidden'>"
    "<button>Generate access token</button></div>",
    "closed details": "<details><summary>More</summary>"
    "<button>Generate access token</button></details>",
    "in a template": "<template><button>Generate access token</button></template>",
    "hidden frame": "<iframe style='display:none' srcdoc='<button>Generate access token</button>'>"
    "</iframe>",
    "covered": "<button>Generate access token</button><div style='position:fixed;inset:0;"
    "background:#0008'>Please wait</div>",
    "covered frame": "<iframe srcdoc='<button>Generate access token</button>'></iframe>"
    "<div style='position:fixed;inset:0;background:#0008'>Please wait</div>",
    "two alike": "<button>Generate access token</button> <button>Generate access token</button>",
    "two languages": "<button>Generate access token</button><button>Generar token de acceso</button>",
    "two kinds": "<button>Generate access token</button>"
    "<div style='cursor:pointer'>Generate access token</div>",
    "one per frame": "<button>Generate access token</button>"
    "<iframe srcdoc='<button>Generate access token</button>'></iframe>",
    "two in a frame, one out of sight": "<iframe height=100 srcdoc='<button>Generate access token</button><p style="
    "height:900px></p><button>Generate access token</button>'></iframe>",
    "clicks pass through": "<button style='pointer-events:none'>Generate access token</button>",
    "a field": "<input value='Generate access token'>",
    "a choice": "<label><input type=checkbox>Generate access token</label>",
    "a long card": "<div style='cursor:pointer'>Generate access token<p>"
    + "words " * 60
    + "</p></div>",
    "screen readers only": "<p><span style='position:absolute;width:1px;height:1px;"
    "overflow:hidden'>Generate access token</span></p>",
    "screen readers only, in pieces": "<p style='height:2000px'></p><button style='position:absolute;width:1px;"
    "height:1px;overflow:hidden;padding:0;border:0;background:#eee'><span>Generate access token</span></button>",
    "unknown words": "<button>Crea ficha de entrada</button>",
    "nothing": "",
}


@pytest.mark.parametrize("case", WITHOUT)
def test_nothing_is_taken_where_it_is_not_clear(page: Page, case: str) -> None:
    """Refused, with a reason."""
    seen = seek(page, WITHOUT[case])
    assert seen.found is None
    assert seen.why


# Pages on which one element, marked, is the right one in spite of what stands beside it.
CLEAR = {
    "heading above": "<h3>Generate access token</h3><button data-right=x>Generate access token</button>",
    "text above": "<div>Generate access token</div>"
    "<div style='cursor:pointer' data-right=x>Generate access token</div>",
    "help link beside": "<a href='https://docs.example/'>Generate access token</a>"
    "<button data-right=x>Generate access token</button>",
    "hidden twin": "<button style='display:none'>Generate access token</button>"
    "<button data-right=x>Generate access token</button>",
    "covered twin": "<div style='position:relative;width:300px;height:40px'><button>Generate access token"
    "</button><div style='position:absolute;inset:0;background:#fff'></div></div>"
    "<button data-right=x>Generate access token</button>",
    "more words beside": "<button>Generate access token for testing</button>"
    "<button data-right=x>Generate access token</button>",
    "regenerate beside": "<button>Regenerate access token</button>"
    "<button data-right=x>Generate access token</button>",
    "idle words": "<button data-right=x>Generate your access token</button>",
    "icon letters": "<button data-right=x>\ue001 Generate\u00a0access\u200b token \U0001f511</button>",
    "nested": "<div tabindex=0 role=button data-right=x><span><b>Generate</b> access token</span></div>",
    "a name that means nothing": "<button data-right=x aria-label='btn-1e62oj'>Generate access token</button>",
    "at the scroll bar": "<p style='height:200vh;width:200vw'></p><button data-right=x style='position:absolute;"
    "left:0;top:calc(100vh - 10px)'>Generate access token</button>",
    "name only": "<button data-right=x aria-label='Generate access token'><svg width=20 height=20></svg>"
    "</button>",
    "submit": "<input type=submit data-right=x value='Generate access token'>",
    "line below": "<button data-right=x><div>Generate access token</div><small>Needs the Admin role"
    "</small></button>",
    "handler": "<div id=b data-right=x>Generate access token</div>"
    "<script>b.onclick = () => 1</script>",
    "vue handler": "<div id=b data-right=x>Generate access token</div>"
    "<script>b[Symbol('_vei')] = { onClick() {} }</script>",
    "drawn as a button": "<div style='display:inline-block;border:1px solid;padding:6px' data-right=x>"
    "Generate access token</div>",
    "below the fold": "<div style='height:3000px'></div><button data-right=x>Generate access token</button>",
    "in a scroller": "<div style='height:200px;overflow:auto'><div style='height:900px'></div>"
    "<button data-right=x>Generate access token</button></div>",
    "below a frame's fold": "<iframe height=100 srcdoc='<p style=height:900px></p><button data-right=x>Generate access "
    "token</button>'></iframe>",
    "under a header": "<div style='position:fixed;top:0;left:0;right:0;height:60px;background:#eee'>Top"
    "</div><p style='height:500px'></p><button data-right=x>Generate access token</button>"
    "<p style='height:2000px'></p><script>scrollTo(0, 505)</script>",
    "in a dialog over its twin": "<button>Generate access token</button><div role=dialog style='position:"
    "fixed;inset:0;background:#fff'><button data-right=x>Generate access token</button></div>",
    "utility class": "<button data-right=x class='disabled:opacity-50'>Generate access token</button>",
    "its text takes no clicks": "<button data-right=x><span style='pointer-events:none'>"
    "Generate access token</span></button>",
    "two shadow roots": "<x-a data-right=x></x-a><script>{const r=document.querySelector('x-a')"
    ".attachShadow({mode:'open'});r.innerHTML='<x-b>Generate access token</x-b>';"
    "r.firstChild.attachShadow({mode:'open'}).innerHTML='<button><slot></slot></button>'}</script>",
    "told by id": "<button data-right=x data-testid='generate-access-token-btn-9f2'>"
    "Crea ficha de entrada</button>",
}  # fmt: skip


@pytest.mark.parametrize("case", CLEAR)
def test_the_right_one_is_taken_among_others(page: Page, case: str) -> None:
    """The marked element and no other, and a real click reaches it."""
    seen = seek(page, CLEAR[case])
    assert (mark(seen.found), seen.why) == ("x", "")
    count_clicks(page)
    assert seen.found is not None
    seen.found.click(5000)
    assert clicks(page) == ["x"]


DISABLED = {
    "attribute": "<button disabled>Generate access token</button>",
    "aria": "<button aria-disabled=true>Generate access token</button>",
    "class": "<div role=button class='KsButton KsButton--disabled'>Generate access token</div>",
    "fieldset": "<fieldset disabled><button>Generate access token</button></fieldset>",
    "cursor": "<div role=button style='cursor:not-allowed'>Generate access token</div>",
    "inert": "<div inert><button>Generate access token</button></div>",
    "host": "<ks-button-1-1-1m aria-disabled=true>Generate access token</ks-button-1-1-1m>",
    "inside": "<ks-button-1-1-1m disabled>Generate access token</ks-button-1-1-1m>",
}


@pytest.mark.parametrize("case", DISABLED)
def test_a_control_that_is_switched_off_is_said_to_be(page: Page, case: str) -> None:
    """Not found, not missing either: permission lacks, or it is too early."""
    seen = seek(page, components() + DISABLED[case])
    assert seen.found is None
    assert seen.disabled is not None
    with pytest.raises(PermissionDenied):
        find(page, GENERATE)


def test_a_refusal_names_both_rivals(page: Page) -> None:
    """So that a person can see what the page had to offer."""
    show(page, WITHOUT["two languages"])
    with pytest.raises(PageChanged, match=r"Generate access token.*Generar token de acceso"):
        find(page, GENERATE)


def test_a_refusal_quotes_no_secret(page: Page) -> None:
    """A long run of letters beside a label is masked in every message."""
    token = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6"
    seen = seek(page, f"<p>Access Token {token}</p><p>Access Token {token}</p>", "access_token")
    said = [seen.why, *(f"{each.runner_up} {each.how}" for each in seen.candidates)]
    assert not any(token[:16] in each for each in said)


def still(page: Page, change: str) -> bool:
    """Find the button, change the page, and ask whether it is still the one."""
    show(page, "<div id=o><button id=b>Generate access token</button></div>")
    found = find(page, GENERATE)
    page.evaluate(change)
    return found.still()


@pytest.mark.parametrize(
    "change",
    [
        "b.remove()",
        "b.disabled = true",
        "b.hidden = true",
        "b.textContent = 'Revoke access token'",
        "o.style.display = 'none'",
        "o.innerHTML = o.innerHTML",
    ],
)
def test_what_changed_since_is_noticed(page: Page, change: str) -> None:
    """Asked just before a click that cannot be taken back."""
    assert not still(page, f"() => {{ {change} }}")


def test_what_did_not_change_is_still_the_same(page: Page) -> None:
    """Also where something else on the page did."""
    assert still(page, "() => { document.body.append('later'); b.className = 'ready' }")


def test_clicking_what_was_covered_meanwhile_fails_without_a_click(page: Page) -> None:
    """The message says that nothing was clicked."""
    show(page, "<button data-right=x>Generate access token</button>")
    found = find(page, GENERATE)
    page.evaluate(
        "() => { const d = document.createElement('div');"
        "d.style.cssText = 'position:fixed;inset:0'; document.body.append(d) }"
    )
    count_clicks(page)
    with pytest.raises(PageChanged, match="nothing was clicked"):
        found.click(300)
    assert clicks(page) == []


PATCHES = {
    "arrays": "Array.prototype.toJSON = () => 'no'; Array.prototype.extra = 1;"
    "Array.prototype.map = Array.prototype.filter = () => { throw 1 }; Array.from = () => [];",
    "objects": "Object.prototype.extra = function () {};",
    "strings": "String.prototype.trim = () => { throw 1 }; String.prototype.replaceAll = null;",
    "queries": "document.querySelectorAll = Element.prototype.querySelectorAll = () => { throw 1 };"
    "NodeList.prototype.forEach = null; Element.prototype.closest = null;",
    "globals": "window.WeakMap = window.WeakSet = null; window.JSON = {};",
    "names": "window.getAttribute = 1; window.Node2 = 1;",
}


@pytest.mark.parametrize("patch", PATCHES)
def test_pages_that_patch_built_ins_are_read_all_the_same(page: Page, patch: str) -> None:
    """As old libraries do."""
    show(page, settings_page("plain", EN))
    page.evaluate(f"() => {{ {PATCHES[patch]} }}")
    assert mark(region(page, SECTION).find(GENERATE)) == "generate"


def test_form_fields_named_like_properties_do_not_mislead(page: Page) -> None:
    """A form's field `parentNode` hides the real one from careless scripts."""
    fields = "".join(
        f"<input name={name}>"
        for name in ("parentNode", "firstChild", "attributes", "localName", "nodeType", "children")
    )
    seen = seek(page, f"<form>{fields}<button data-right=x>Generate access token</button></form>")
    assert mark(seen.found) == "x"


def test_looking_changes_nothing_on_the_page(page: Page) -> None:
    """No attribute, no node, no global."""
    show(page, settings_page("shadow", EN))
    before = page.evaluate("[document.documentElement.outerHTML, Object.keys(window).length]")
    region(page, SECTION).find(GENERATE)
    after = page.evaluate("[document.documentElement.outerHTML, Object.keys(window).length]")
    assert before == after


def test_why_it_was_taken_is_kept_in_words(page: Page) -> None:
    """Which wording matched, and what kind of element it is."""
    show(page, settings_page("plain", EN))
    found: Found = region(page, SECTION).find(GENERATE)
    assert found.how == ("text says exactly 'Generate access token' (en)", "it is a button")
    assert found.label is not None
    assert WORDING.source_of(found.label).endswith(", verified")
