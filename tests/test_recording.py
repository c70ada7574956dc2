"""A page becomes one file that shows the same, runs nothing, loads nothing and tells of nobody."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route

from automation.browser import Lane
from automation.controls import Label, Meaning, look
from automation.errors import UsageError
from automation.recording import learn_from, take, write_page
from automation.recording_folder import Screen, index_of, open_folder, read_index, write_folder
from automation.recording_proof import NotRedacted, prove, prove_inert
from automation.recording_redact import MAIL, NAME, NUMBER, SECRET, Kind, Redactor
from automation.secret import Secret
from tests.conftest import Answer, Site

ORIGIN = "https://console.example"
SESSION = "5f0c9d2ab7e14c66b0d1f3a8e97c2b45"
ACCOUNT = "7312345678901234567"
PERSON = "ann.smith@corp.example"


@pytest.fixture(scope="module")
def shared(lane: Lane) -> Iterator[Page]:
    """One page for all cases; each sets its own content at one address."""
    yield lane.open()
    lane.close_context()


def shown_at(page: Page, html: str, *, other: dict[str, str] | None = None) -> None:
    """Serve a page at the origin, and nothing else but `other`."""
    page.unroute_all()
    files = {"/": html, **(other or {})}

    def answer(route: Route) -> None:
        path = "/" + route.request.url.partition("://")[2].partition("/")[2]
        kind = "text/css" if path.endswith(".css") else "text/html"
        route.fulfill(body=files.get(path, ""), content_type=f"{kind}; charset=utf-8")

    page.route("**/*", answer)
    page.goto(ORIGIN + "/")


def saved(page: Page, redactor: Redactor | None = None) -> str:
    """Return the page as a file."""
    redactor = redactor or Redactor()
    snapshot = take(page)
    learn_from(snapshot, redactor)
    return write_page(snapshot, redactor, {}).decode()


# ------------------------------------------------------------------------------- what is kept


def test_what_a_person_did_on_the_page_is_kept(shared: Page) -> None:
    """Values, ticks and choices live in properties; the file has them as attributes."""
    shown_at(
        shared,
        "<!doctype html><input id=i><textarea id=t></textarea><input type=checkbox id=c>"
        "<select id=s><option>one<option>two</select><input type=password id=p>",
    )
    shared.fill("#i", "typed")
    shared.fill("#t", "a <b> line")
    shared.fill("#p", "correct horse")
    shared.check("#c")
    shared.select_option("#s", "two")
    file = saved(shared)
    shown_at(shared, file)
    assert shared.input_value("#i") == "typed"
    assert shared.input_value("#t") == "a <b> line"
    assert shared.is_checked("#c")
    assert shared.input_value("#s") == "two"
    assert "correct horse" not in file


def test_shadow_roots_are_open_again_with_their_own_style(shared: Page) -> None:
    """Also a style sheet that a script adopted, and a text put into a slot."""
    shown_at(
        shared,
        """<!doctype html><x-button-1-2>Press</x-button-1-2><script>
        const root = document.querySelector("x-button-1-2").attachShadow({mode: "open"});
        root.innerHTML = "<button><slot></slot></button><i class=gone>hidden</i>";
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(".gone { display: none } button { width: 321px }");
        root.adoptedStyleSheets = [sheet];
        </script>""",
    )
    shown_at(shared, saved(shared))
    inner = shared.locator("x-button-1-2 >> button")
    box = inner.bounding_box()
    assert box is not None and box["width"] == 321
    assert not shared.locator(".gone").is_visible()
    meaning = Meaning("press", (Label("Press"),), frozenset({"button"}))
    assert look(shared, meaning).found is not None


def test_frames_are_documents_of_their_own(shared: Page) -> None:
    """Of whatever address; with what is in their fields."""
    shown_at(
        shared,
        "<!doctype html><iframe src=/inner style='width:400px;height:300px'></iframe>",
        other={"/inner": "<!doctype html><button>Inside</button><input>"},
    )
    shared.frame_locator("iframe").locator("input").fill("typed inside")
    shown_at(shared, saved(shared))
    inner = shared.frame_locator("iframe")
    assert inner.get_by_role("button", name="Inside").is_visible()
    assert inner.locator("input").input_value() == "typed inside"


def test_style_of_another_origin_comes_along(shared: Page, site: Site) -> None:
    """A page's own script may not read it; it decides what is visible all the same."""
    other = site.url.replace("127.0.0.1", "localhost")
    site.routes["/a.css"] = Answer(
        f".away {{ display: none }} .here {{ background: url({other}/x.png) }}"
        ".never-used { color: red }".encode(),
        kind="text/css",
    )
    site.routes["/"] = (
        f"<!doctype html><link rel=stylesheet href='{other}/a.css'>"
        "<p class=away>hidden</p><p class=here>shown</p>"
    )
    shared.unroute_all()
    shared.goto(site.url)
    file = saved(shared)
    assert other not in file and "never-used" not in file
    shown_at(shared, file)
    assert not shared.locator(".away").is_visible()
    assert shared.locator(".here").is_visible()


def test_what_lay_over_everything_still_does(shared: Page) -> None:
    """A modal dialog and a popover are put there by scripts, which the file has not."""
    shown_at(
        shared,
        "<!doctype html><dialog>Sure?</dialog><div popover id=v>More</div><script>"
        "document.querySelector('dialog').showModal(); v.showPopover();</script>",
    )
    shown_at(shared, saved(shared))
    assert shared.locator("dialog").is_visible()
    assert shared.locator("#v").is_visible()


def test_nothing_acts_and_nothing_is_loaded(shared: Page) -> None:
    """Handlers, scripts, pictures, forms' targets, foreign links; signs of a handler stay."""
    shown_at(
        shared,
        """<!doctype html><base href="https://elsewhere.example/"><body onload="1">
        <img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
          srcset="https://cdn.example/a.png 2x" class=wide alt="a picture">
        <style>.wide { width: 20px; height: 10px; background: url(https://cdn.example/b) }</style>
        <form action="https://collect.example/"><input type=hidden name=csrf value=abc>
        <button formaction="https://collect.example/x">Go</button></form>
        <a href="https://other.example/?who=1">away</a><a href="javascript:alert(1)">act</a>
        <div id=d>by a property</div><object data="https://cdn.example/o"></object>
        <svg width=9 height=9><use href="#shape"/><image href="https://cdn.example/i.png"/></svg>
        <script>d.onclick = () => 1;</script>""",
    )
    file = saved(shared)
    for gone in ("cdn.example", "collect.example", "other.example", "csrf", "<script", "onload=",
                 "onclick", "javascript:"):  # fmt: skip
        assert gone not in file, gone
    asked: list[str] = []
    shared.unroute_all()
    shared.route(ORIGIN + "/", lambda route: route.fulfill(body=file, content_type="text/html"))
    shared.on("request", lambda request: asked.append(request.url))
    shared.goto(ORIGIN + "/")
    assert [each for each in asked if not each.startswith("data:")] == [ORIGIN + "/"]
    box = shared.locator("img").bounding_box()
    assert box is not None and (box["width"], box["height"]) == (20, 10)
    meaning = Meaning("prop", (Label("by a property"),), frozenset({"button"}))
    candidate = look(shared, meaning)
    assert candidate.found is not None, "what listened is still known to have listened"


# --------------------------------------------------------------------------- what is replaced


def test_one_original_has_one_stand_in_of_its_own_form(shared: Page) -> None:
    """In texts, fields, addresses, titles, attributes, and on every page of a recording."""
    redactor = Redactor()
    shown_at(
        shared,
        f"<!doctype html><title>{ACCOUNT}</title><p title='{ACCOUNT}'>ID {ACCOUNT}</p>"
        f"<input value='{ACCOUNT}'><a href='/x?aadvid={ACCOUNT}'>x</a><p>{PERSON}</p>"
        "<p>7399999999999999999</p><p>0.123456789012345678</p>",
    )
    first = saved(shared, redactor)
    instead = redactor.stand_in_of(ACCOUNT)
    assert instead != ACCOUNT and len(instead) == len(ACCOUNT) and instead.isdigit()
    assert first.count(instead) == 5
    assert redactor.stand_in_of("7399999999999999999") in first
    assert redactor.stand_in_of(PERSON) == "person1@example.com" and PERSON not in first
    assert "0.123456789012345678" in first, "a fraction is no account"
    shown_at(shared, f"<!doctype html><p>{ACCOUNT}</p>")
    assert instead in saved(shared, redactor)


def test_what_is_split_over_elements_is_found(shared: Page) -> None:
    """A known code, and a token nobody told of."""
    token = "Zk3TqW8rLm2XvB9dNp4cHs6yJf1aGe7u"
    cut = "".join(f"<span>{token[at : at + 4]}</span>" for at in range(0, len(token), 4))
    shown_at(
        shared,
        f"<!doctype html><p>{ACCOUNT}</p><p><b>{ACCOUNT[:9]}</b>&#8203;<i>{ACCOUNT[9:]}</i></p>"
        f"<div>{cut}</div><nav><span>Overview</span><span>Settings</span></nav>",
    )
    file = saved(shared)
    shown_at(shared, file)
    said = shared.inner_text("body").replace("\u200b", "")
    assert ACCOUNT not in said and token not in said
    assert ACCOUNT[9:] not in file and token[4:8] not in file
    assert "Overview" in said and "Settings" in said


def test_a_session_is_known_whole_and_in_pieces(shared: Page) -> None:
    """Cookies with a tail, stored JSON within JSON, names under keys that say so."""
    stored = json.dumps({"user": json.dumps({"nickName": "Ann Smith", "id": 731234567890})})
    state = {
        "cookies": [{"name": "sid", "value": f"{SESSION}%7C259200"}],
        "origins": [{"origin": ORIGIN, "localStorage": [{"name": "me", "value": stored}]}],
    }
    redactor = Redactor(words=["Settings"])
    redactor.know_session(state)
    redactor.know(NAME, ["Settings", "al"])
    shown_at(
        shared,
        f"<!doctype html><p id='k-{SESSION}'>Settings of ann smith (731234567890)</p>"
        f"<p data-x='{quote(SESSION + '|')}'>Anniversary</p>",
    )
    file = saved(shared, redactor)
    assert SESSION not in file and "731234567890" not in file and "ann smith" not in file.lower()
    assert "Settings of Sample 1" in file and "Anniversary" in file


def test_a_masked_token_keeps_its_mask_and_loses_its_tail() -> None:
    """Four letters of a token are four letters too many."""
    assert Redactor().text("\u2022\u2022\u2022\u2022\u2022\u2022aZ9k") == "\u2022" * 6 + "0000"


def test_a_recording_of_a_recording_stays_as_it_is() -> None:
    """Its stand-ins are known for what they are."""
    first = Redactor()
    text = f"{ACCOUNT} {PERSON} Zk3TqW8rLm2XvB9dNp4cHs6yJf1aGe7u"
    first.learn(text)
    once = first.text(text)
    second = Redactor()
    second.learn(once)
    assert list(second.originals()) == [] and second.text(once) == once != text


def test_a_kind_of_the_site_s_own_goes_before_the_general_ones() -> None:
    """Its pattern is the more exact one."""
    import re

    kind = Kind("order", re.compile(r"O-\d{16}"), lambda n, _o: f"O-{n:016}", lambda _t: False)
    redactor = Redactor([kind])
    redactor.learn("see O-7312345678901234")
    assert redactor.text("see O-7312345678901234") == "see O-0000000000000001"


def test_long_words_of_the_page_s_own_are_left_alone() -> None:
    """Class names and test ids carry the finder's evidence."""
    redactor = Redactor()
    for identifier in ("events-api-generate-access-token-8f3a21", "KsButton__primary--large-2"):
        redactor.learn(identifier, identifier=True)
        assert redactor.text(identifier) == identifier


def test_a_redactor_shows_nothing_of_what_it_knows() -> None:
    """It may stand in a traceback."""
    redactor = Redactor()
    redactor.learn(PERSON)
    assert PERSON not in repr(redactor) and "1" in repr(redactor)


# ----------------------------------------------------------------------------- what is proven


FORMS = {
    "raw": SESSION,
    "in capitals": SESSION.upper(),
    "in an address": quote(SESSION + "/&"),
    "as JSON escapes": "".join(f"\\u{ord(char):04x}" for char in SESSION),
    "as HTML numbers": "".join(f"&#{ord(char)};" for char in SESSION),
    "in hexadecimal": SESSION.encode().hex(),
    "split over elements": f"<b>{SESSION[:5]}</b>\n<i>{SESSION[5:]}</i>",
    **{f"in base64 after {n}": base64.b64encode(b"x" * n + SESSION.encode() + b"tail").decode()
       for n in range(3)},
    "in base64 for addresses": base64.urlsafe_b64encode(SESSION.encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_proof_finds_an_original_however_it_is_written(form: str) -> None:
    """And its message holds nothing of it."""
    with pytest.raises(NotRedacted) as refused:
        prove(f"<p>{FORMS[form]}</p>".encode(), [(SECRET.name, SESSION)], "a page")
    assert SESSION not in str(refused.value) and SESSION[:8] not in refused.value.message
    prove(b"<p>nothing of it</p>", [(SECRET.name, SESSION)], "a page")


def test_the_proof_takes_names_for_words_of_their_own() -> None:
    """As said to people: in texts and titles, not in the names of classes."""
    for said in ("<p>By Ann  Smith.</p>", '<p title="ANN SMITH">x</p>', "<p>Ann<b>Smith</b></p>"):
        with pytest.raises(NotRedacted):
            prove(said.encode(), [(NAME.name, "Ann Smith")], "a page")
    prove(b'<p class="ann">Annual</p>', [(NAME.name, "Ann")], "a page")


def test_a_living_token_is_never_written() -> None:
    """Whether or not anybody told the redactor."""
    token = Secret("a-token-in-the-hand-0123456789")
    with pytest.raises(NotRedacted, match="a token"):
        prove(f"<p>{token.reveal()}</p>".encode(), [], "a page")


@pytest.mark.parametrize("act", [
    "<script>1</script>", '<p onclick="1">', '<a href="javascript:1">', '<img src="//cdn.example">',
    '<iframe srcdoc="&lt;script&gt;1&lt;/script&gt;">',
])  # fmt: skip
def test_a_page_that_would_act_or_load_is_refused(act: str) -> None:
    """Also within a frame."""
    with pytest.raises(NotRedacted):
        prove_inert(act.encode(), "a page")
    prove_inert(b'<a href="/x">y</a><p>&lt;script&gt; is a word</p>', "a page")


def test_what_cannot_be_replaced_is_refused(shared: Page) -> None:
    """Here a session in the very name of an element."""
    redactor = Redactor()
    redactor.know_session({"cookies": [{"value": SESSION}]})
    shown_at(shared, f"<!doctype html><x-{SESSION}>y</x-{SESSION}>")
    with pytest.raises(NotRedacted):
        saved(shared, redactor)


# ------------------------------------------------------------------------------------- on disk


def screen(**changes: Any) -> Screen:
    """Return an entry of an index."""
    facts: dict[str, Any] = {
        "name": "home",
        "file": "home.html",
        "address": ORIGIN,
        "made": "drawn",
        "day": "2026-01-02",
        "language": "en",
        "look": "plain",
        "state": 'a "quoted" word\x7f',
        "replaced": {"mail": 2},
        "leads": {"menu": "list"},
        "shows": {"controls": ["a", "b"], "token_exists": False},
    }
    return Screen(**{**facts, **changes})


def test_an_index_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Private, with the files beside it; written again, what it no longer names is gone."""
    folder = open_folder(tmp_path / "new")
    index = index_of([screen(), screen(name="two words", file="b.html")])
    write_folder(folder, {"home.html": b"<p>", "b.html": b"<p>"}, index)
    assert read_index(folder) == [screen(), screen(name="two words", file="b.html")]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    write_folder(open_folder(folder), {"home.html": b"<p>"}, index_of([screen()]))
    assert sorted(each.name for each in folder.iterdir()) == ["home.html", "index.toml"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Not empty and no recording; a recording with something strange in it; a file."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="no recording"):
        open_folder(tmp_path)
    (tmp_path / "index.toml").write_bytes(index_of([screen()]))
    with pytest.raises(UsageError, match=r"notes\.txt"):
        open_folder(tmp_path)
    (tmp_path / "notes.txt").unlink()
    for wrong in ("format = 2", "[", "format = 1\n[screens.a]\nx = 1"):
        (tmp_path / "index.toml").write_text(wrong)
        with pytest.raises(UsageError):
            open_folder(tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        open_folder(tmp_path / "index.toml")


def test_the_general_kinds_make_stand_ins_that_say_what_they_are() -> None:
    """Visibly false, and one after the other."""
    assert MAIL.stand_in(2, PERSON) == "person2@example.com"
    assert NUMBER.stand_in(3, ACCOUNT) == "7000000000000000003"
    assert SECRET.stand_in(4, "aB3" * 8).endswith("0004")
