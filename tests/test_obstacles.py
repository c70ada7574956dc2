# ruff: noqa: E501, RUF001 - drawn HTML reads better unbroken; other languages have their own letters
"""What stands in the way: a person's matters are reported, harmless pop-ups closed, the rest left."""

import logging
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route

from automation.browser import Lane
from automation.errors import HumanCheck, SignInNeeded
from flows.pages.obstacles import clear, kind_of
from flows.wording import load
from tests.drawn import LANGUAGES, LOOKS, clicks, count_clicks, settings_page, show

WORDING = load()
LOG = logging.getLogger("test")
PAGE = "<h1>Events Manager</h1><p>" + "The page itself. " * 30 + "</p>"
OVER = "position:fixed;left:400px;top:200px;width:500px;background:#fff;padding:20px"
CLOSE = "onclick='this.closest(\"[data-box]\").remove()'"
TOKEN = "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0"


@pytest.fixture(scope="module")
def page(lane: Lane) -> Iterator[Page]:
    """One page for all tests here; `show` begins afresh."""
    yield lane.open()
    lane.close_context()


def box(inside: str, role: str = "dialog") -> str:
    """Draw something that lies over the page."""
    return f"{PAGE}<div data-box role={role} style='{OVER}'>{inside}</div>"


@pytest.mark.parametrize("drawn", LOOKS)
def test_nothing_is_seen_or_touched_on_an_ordinary_page(page: Page, drawn: str) -> None:
    """In any look and language."""
    for says in LANGUAGES.values():
        show(page, settings_page(drawn, says))
        count_clicks(page)
        clear(page, WORDING, LOG)
        assert kind_of(page, WORDING) is None
        assert clicks(page) == []


PERSONS = {
    "puzzle by id": ("<div id=captcha-verify-container style='width:300px;height:200px'>x</div>", "puzzle"),
    "puzzle by id's beginning": ("<div id=captcha_container_7 style='width:300px;height:200px'>x</div>", "puzzle"),
    "puzzle by class": ("<div class='a secsdk-captcha-drag' style='width:300px;height:200px'>x</div>", "puzzle"),
    "puzzle by words": (box("<p>Drag the puzzle piece into place</p>"), "puzzle"),
    "puzzle in Spanish": (box("<p>Arrastra el rompecabezas</p>"), "puzzle"),
    "puzzle in a shadow root": ("<x-c></x-c><script>document.querySelector('x-c').attachShadow({mode:'open'})"
        ".innerHTML='<p>Verify to continue</p>'</script>", "puzzle"),
    "puzzle in a frame": ("<iframe srcdoc='<p>Verify to continue:</p>'></iframe>", "puzzle"),
    "code": ("<h2>Two-step verification</h2><p>Enter the 6-digit code</p><input>", "code"),
    "code in Japanese": ("<h2>2段階認証</h2><p>認証コードを入力</p><input>", "code"),
    "consent": (box("<h2>Anti-Discrimination Policy</h2><p>Please read.</p><button>Accept</button>"), "consent"),
    "consent in German": (box("<h2>Nutzungsbedingungen</h2><button>Ich stimme zu</button>"), "consent"),
    "consent with a way out": (box("<h2>Terms of Service</h2><button>I agree</button><button>Close</button>"), "consent"),
    "simplified mode": ("<p>Campaigns</p><button>Switch to full version</button>", "simplified"),
}  # fmt: skip


@pytest.mark.parametrize("case", PERSONS)
def test_what_only_a_person_may_answer_stops_everything(page: Page, case: str) -> None:
    """With what was seen and what to do; nothing is clicked."""
    body, says = PERSONS[case]
    show(page, body)
    count_clicks(page)
    with pytest.raises(HumanCheck, match=says) as raised:
        clear(page, WORDING, LOG)
    assert raised.value.next_step
    assert isinstance(kind_of(page, WORDING), HumanCheck)
    assert clicks(page) == []


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/i18n/login", "<p>hello</p>"),
        ("/i18n/login?redirect=x", "<p>hello</p>"),
        ("/passport/web", "<p>hello</p>"),
        ("/x", "<title>TikTok Ads: Log In</title>"),
        ("/x", "<input id=TikTok_Ads_SSO_Login_Email_Input>"),
        ("/x", "<input><input type=password><button>Log in</button>"),
        ("/x", "<input><input type=password><button>登录</button>"),
    ],
)
def test_a_sign_in_page_is_noticed(page: Page, address: str, body: str) -> None:
    """By address, title, ids, or a password field beside a sign-in button."""

    def answer(route: Route) -> None:
        route.fulfill(body=f"<meta charset=utf-8>{body}", content_type="text/html")

    page.route("https://console.invalid/**", answer)
    page.goto(f"https://console.invalid{address}")
    with pytest.raises(SignInNeeded) as raised:
        clear(page, WORDING, LOG)
    assert "sign-in" in raised.value.next_step
    page.unroute("https://console.invalid/**")


NOT_A_PERSONS = {
    "hidden puzzle": "<div id=captcha-verify-container style='display:none'>x</div>",
    "masked token": "<p>Access Token</p><input type=password value=x><button>Copy</button>",
    "code without a field": "<p>We check a verification code at sign-in.</p>",
    "terms in the footer": "<footer><a href='#'>Terms of Service</a> <a href='#'>Accept</a></footer>",
    "test event code": "<p>Test event code</p><input value=TEST12345>",
    "talk of the full version": "<p>Use the button Switch to full version to see more.</p>",
}


@pytest.mark.parametrize("case", NOT_A_PERSONS)
def test_what_only_looks_like_it_does_not_stop_anything(page: Page, case: str) -> None:
    """Else nothing would ever be done."""
    show(page, NOT_A_PERSONS[case])
    clear(page, WORDING, LOG)
    assert kind_of(page, WORDING) is None


def button(text: str, mark: str = "close") -> str:
    """Draw a button that takes its box away."""
    return f"<button data-right='{mark}' {CLOSE}>{text}</button>"


HARMLESS = {
    "announcement": box("<h2>What's new</h2><p>Faster reports.</p>" + button("Got it")),
    "announcement with more": box("<h2>Announcement</h2>" + button("Try it now", "wrong") + button("Close")),
    "only got it": box("<p>Reports are faster.</p>" + button("Got it")),
    "tour": box("<p>Step 1 of 4</p>" + button("Next", "wrong") + button("Skip")),
    "tour in Korean": box("<p>새로운 기능</p>" + button("다음", "wrong") + button("건너뛰기")),
    "cross": box("<h2>New feature</h2><p>Look at it.</p><span style='position:absolute;right:8px;top:8px;cursor:pointer' "
        f"data-right=close {CLOSE}>×</span>"),
    "nameless cross": box("<h2>New feature</h2><p>Look at it.</p><button style='position:absolute;right:8px;top:8px' "
        f"data-right=close {CLOSE}><svg width=12 height=12></svg></button>"),
    "cookies": f"{PAGE}<div data-box style='position:fixed;bottom:0;left:0;right:0;background:#fff'>We use cookies. See our "
        f"policy. {button('Accept all', 'wrong')}{button('Reject all')}</div>",
    "cookies in French": f"{PAGE}<div data-box style='position:fixed;bottom:0;left:0;right:0;background:#fff'>Nous utilisons des "
        f"cookies. {button('Tout accepter', 'wrong')}{button('Tout refuser')}</div>",
    "assistant": f"{PAGE}<div data-box style='position:fixed;right:0;bottom:0;width:300px;height:400px;background:#fff'>Assistant"
        f"<p>How can I help?</p><input>{button('Minimize')}</div>",
    "not a dialog by role": f"{PAGE}<div style='position:relative'><div><div><div><div data-box style='position:absolute;width:300px;"
        f"height:120px;background:#fff'>Tip: sort your list.{button('Got it')}</div></div></div></div></div>",
    "in a shadow root": f"{PAGE}<x-p></x-p><script>document.querySelector('x-p').attachShadow({{mode:'open'}}).innerHTML="
        f"`<div data-box role=dialog style='{OVER}'><h2>Announcement</h2>{button('Got it')}</div>`</script>",
    "two of them": box("<h2>What's new</h2>" + button("Got it")) + f"<div data-box role=dialog style='{OVER}'><p>Take a quick look: tour</p>"
        + button("Skip") + "</div>",
}  # fmt: skip


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_pop_up_is_closed_and_said_to_be(
    page: Page, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By what closes it, never by what accepts or goes on."""
    show(page, HARMLESS[case])
    count_clicks(page)
    caplog.set_level(logging.INFO, logger="test")
    clear(page, WORDING, LOG)
    assert set(clicks(page)) == {"close"}
    assert len(caplog.messages) == len(clicks(page))
    assert all("closed a pop-up" in said for said in caplog.messages)
    assert page.locator("[data-box]").count() == 0


LEFT = {
    "a token": box(f"<h2>New</h2><p>Access Token {TOKEN}</p>" + button("Close")),
    "a masked token": box("<h2>New</h2><p>Access Token ••••••••</p>" + button("Got it")),
    "shown only once": box("<p>This is shown only once.</p>" + button("Got it")),
    "something to copy": box("<h2>Notice</h2><button>Copy</button>" + button("Close")),
    "something to fill in": box("<h2>Feedback</h2><textarea></textarea>" + button("Close")),
    "unknown": box("<h2>Choose a plan</h2>" + button("Cancel") + button("Close")),
    "asks to delete": box("<h2>Update</h2>" + button("Delete")),
    "asks to confirm": box(
        "<h2>Generate access token?</h2>" + button("Cancel") + button("Confirm")
    ),
    "cookies that can only be accepted": f"{PAGE}<div data-box style='position:fixed;bottom:0;left:0;right:0'>We use cookies."
    + button("Accept all")
    + "</div>",
    "in the page, not over it": f"{PAGE}<div data-box>What's new{button('Got it')}</div>",
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_known_to_be_harmless_is_left_alone(page: Page, case: str) -> None:
    """What it covers will be refused by the finder instead."""
    show(page, LEFT[case])
    count_clicks(page)
    clear(page, WORDING, LOG)
    assert clicks(page) == []


def test_a_pop_up_that_will_not_close_is_tried_once(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    """And said to be; nothing goes round in circles."""
    show(page, box("<h2>What's new</h2><button data-right=close>Got it</button>"))
    count_clicks(page)
    caplog.set_level(logging.INFO, logger="test")
    clear(page, WORDING, LOG)
    assert clicks(page) == ["close"]
    assert ["would not close" in said for said in caplog.messages] == [True]


def test_what_was_seen_holds_no_page_text_that_could_be_a_secret(page: Page) -> None:
    """The message names our own word for it."""
    show(page, box(f"<h2>Terms</h2><p>{TOKEN}</p><button>Accept</button>"))
    with pytest.raises(HumanCheck) as raised:
        clear(page, WORDING, LOG)
    assert TOKEN[:16] not in raised.value.message
