"""Lanes, the border that drops Playwright's words, and waiting for what events bring."""

import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from automation.browser import BrowserGone, Choice, Lane, behind_proxy, step, wait_until
from automation.errors import PageChanged, SiteBusy, TokenExists
from tests.conftest import Answer, Request, Site, until

FALSE_TOKEN = "FALSE0TOKEN0THAT0NOBODY0MAY0SEE0"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def browser_pid(browser: Browser | None) -> int:
    """The process of a browser."""
    assert browser is not None
    session = browser.new_browser_cdp_session()
    known = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return next(int(each["id"]) for each in known if each["type"] == "browser")


def runs(pid: int) -> bool:
    """Whether a process is there and not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def family(pid: int) -> dict[int, str]:
    """All running descendants of a process, with their names."""
    parents: dict[int, tuple[int, str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(head.split()[0])] = (int(tail.split()[1]), head.partition("(")[2])
    found: dict[int, str] = {}
    generation = {pid}
    while generation:
        generation = {child for child, (parent, _) in parents.items() if parent in generation}
        found |= {child: parents[child][1] for child in generation}
    return {child: name for child, name in found.items() if runs(child)}


@step("reading the field")
def read_missing(page: Page) -> None:
    """Fail the way a page object does when a control is not what it was."""
    page.locator("input").click(timeout=200)


@step("expecting a value")
def expect_another(page: Page) -> None:
    """Fail an assertion whose message quotes the value."""
    expect(page.locator("input")).to_have_value("other", timeout=200)


@step("opening the page")
def go(page: Page, url: str, limit_ms: float = 10_000) -> None:
    """Load an address."""
    page.goto(url, timeout=limit_ms)


@step("asking the page")
def ask(page: Page) -> Any:
    """Ask the page for something."""
    return page.evaluate("1 + 1")


@step("listening")
def listen(page: Page) -> None:
    """Wait for an event, which Playwright refuses in another way than it refuses a question."""
    page.context.wait_for_event("close", timeout=10_000)


@pytest.mark.parametrize("failing", [read_missing, expect_another])
def test_playwrights_words_do_not_pass_the_border(page: Page, failing: Any) -> None:
    """Playwright quotes the element it was about, and with it the token in the field."""
    page.set_content(f'<input disabled value="{FALSE_TOKEN}">')
    with pytest.raises(PageChanged) as raised:
        failing(page)
    problem = raised.value
    shown = "".join(traceback.format_exception(problem))
    assert FALSE_TOKEN not in shown
    assert problem.__context__ is None and problem.__cause__ is None
    assert problem.message.endswith(("TimeoutError", "AssertionError"))
    assert "doctor" in problem.next_step


def test_what_the_border_lets_through_is_as_it_was(page: Page) -> None:
    """Results, errors of our own and errors that are not the browser's pass unchanged."""
    assert ask(page) == 2
    for own in (TokenExists("there is one"), RuntimeError("a bug"), ValueError("another")):

        @step("doing something")
        def fail(own: Exception = own) -> None:
            raise own

        with pytest.raises(type(own)) as raised:
            fail()
        assert raised.value is own


def test_an_address_that_cannot_be_loaded_is_the_networks_error(page: Page, site: Site) -> None:
    """It is named by the browser's own code; the address, which may hold a key, is not."""

    def drop(_: Request) -> Answer | None:
        return None

    site.routes["/"] = drop
    with pytest.raises(SiteBusy) as raised:
        go(page, f"{site.url}/?key={FALSE_TOKEN}")
    assert raised.value.message.startswith("opening the page: the site could not be reached (ERR_")
    assert FALSE_TOKEN not in raised.value.message
    assert raised.value.safe_to_repeat


def test_an_address_that_does_not_answer_in_time_may_be_tried_again(page: Page, site: Site) -> None:
    """A slow site has not changed; it is busy."""
    done = threading.Event()

    def wait(_: Request) -> Answer:
        done.wait(30)
        return Answer()

    site.routes["/"] = wait
    with pytest.raises(SiteBusy, match="no answer in time"):
        go(page, site.url, limit_ms=300)
    done.set()


def test_a_closed_page_is_not_a_dead_browser(page: Page) -> None:
    """A page that closed itself is a change of the page."""
    page.close()
    with pytest.raises(PageChanged, match="asking the page: the browser reported TargetClosed"):
        ask(page)


def test_a_crashed_page_is_not_a_changed_one(lane: Lane) -> None:
    """Its process ran out of memory, say; the next page works."""
    page = lane.open()
    crashed: list[Page] = []
    page.on("crash", lambda page: crashed.append(page))
    with pytest.raises(SiteBusy):
        go(page, "chrome://crash")
    assert wait_until(page, lambda: bool(crashed), 20)
    with pytest.raises(BrowserGone, match="crashed"):
        ask(page)
    assert ask(lane.open()) == 2
    lane.close_context()


def test_waiting_ends_when_an_event_brings_it_about(page: Page) -> None:
    """Events come in while it waits, although nobody asks the page."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.evaluate("void setTimeout(() => console.log('now'), 100)")
    assert wait_until(page, lambda: "now" in heard, 20)


def test_what_is_true_already_is_not_waited_for(page: Page) -> None:
    """Not even with no patience at all."""
    assert wait_until(page, lambda: True, 0)


def test_patience_ends(page: Page) -> None:
    """The condition is asked once more at the end."""
    asked: list[float] = []
    assert not wait_until(page, lambda: asked.append(0) is not None, 0.2)
    assert len(asked) > 1


def test_waiting_goes_on_when_the_page_closes(page: Page) -> None:
    """A page may close right after its answer; what is awaited may still come."""
    closed: list[Page] = []
    page.on("close", lambda page: closed.append(page))
    page.evaluate("void setTimeout(() => window.close(), 50)")
    assert wait_until(page, lambda: bool(closed), 20)
    assert not wait_until(page, lambda: False, 0.2)


def test_waiting_in_a_closed_context_says_that_it_is_gone(lane: Lane) -> None:
    """Whether it closes meanwhile or was closed before."""
    page = lane.open()
    page.context.close()
    with pytest.raises(BrowserGone):
        wait_until(page, lambda: False, 20)
    page = lane.open()
    page.on("console", lambda _: page.context.close())
    page.evaluate("void setTimeout(() => console.log('now'), 50)")
    with pytest.raises(BrowserGone):
        wait_until(page, lambda: False, 20)


def test_each_opening_is_a_context_of_its_own(lane: Lane, site: Site) -> None:
    """Nothing of the profile before is left, and its page is closed."""
    site.routes["/"] = "hello"
    host = {"domain": "127.0.0.1", "path": "/", "expires": -1, "httpOnly": False}
    cookie = {**host, "name": "who", "value": "first", "secure": False, "sameSite": "Lax"}
    first = lane.open({"cookies": [cookie], "origins": []})
    first.goto(site.url)
    assert first.evaluate("document.cookie") == "who=first"
    second = lane.open()
    second.goto(site.url)
    assert first.is_closed()
    assert second.evaluate("document.cookie") == ""
    assert second.context is lane.context
    lane.close_context()
    with pytest.raises(BrowserGone):
        _ = lane.context


def test_a_page_is_large_and_its_service_worker_does_not_run(page: Page, site: Site) -> None:
    """Small windows hide dialog footers, and a worker's answers would pass capture by."""
    site.routes |= {"/": "hello", "/worker.js": Answer(b"", kind="text/javascript")}
    page.goto(site.url)
    assert page.evaluate("[innerWidth, innerHeight]") == [1440, 900]
    page.evaluate(
        """Promise.race([navigator.serviceWorker.register('/worker.js').catch(() => 0),
                         new Promise(done => setTimeout(done, 1000))])"""
    )
    assert site.asked("/worker.js") == []


def test_a_bad_state_is_refused_without_its_values(lane: Lane) -> None:
    """Playwright would quote the cookie."""
    with pytest.raises(PageChanged) as raised:
        lane.open({"cookies": [{"name": "sid", "value": FALSE_TOKEN}], "origins": []})
    assert FALSE_TOKEN not in str(raised.value)
    assert raised.value.__context__ is None
    lane.close_context()


def test_a_dead_browser_is_named_and_started_again(choice: Choice) -> None:
    """Whatever was being done; the next `open` works."""
    with Lane(choice) as lane:
        page = lane.open()
        os.kill(browser_pid(page.context.browser), signal.SIGKILL)
        with pytest.raises(BrowserGone):
            wait_until(page, lambda: False, 30)
        with pytest.raises(BrowserGone):
            ask(page)
        assert ask(lane.open()) == 2


@ON_LINUX
def test_a_dead_driver_is_named_and_started_again(choice: Choice) -> None:
    """In a thread of its own, because the other tests share this thread's driver."""
    said: list[object] = []

    def work() -> None:
        before = set(family(os.getpid()))
        with Lane(choice) as lane:
            page = lane.open()
            mine = {p: n for p, n in family(os.getpid()).items() if p not in before}
            os.kill(next(p for p, n in mine.items() if n.startswith("node")), signal.SIGKILL)
            for use in (listen, listen, ask, lambda page: wait_until(page, lambda: False, 30)):
                try:
                    use(page)
                except BrowserGone as problem:
                    said.append(problem.code)
            said.append(lane.broken)
            with Lane(choice) as second:
                said.append(ask(second.open()))
            said.append(ask(lane.open()))
        until(lambda: not {p for p in mine if runs(p)})

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(90)
    assert said == ["site_busy"] * 4 + [True, 2, 2]


def test_two_lanes_in_one_thread_work_side_by_side(lane: Lane, choice: Choice) -> None:
    """A sign-in has a visible browser and one to prove the session in."""
    first = lane.open()
    with Lane(choice, relay=False) as other:
        assert other.relay is None
        second = other.open()
        assert (ask(first), ask(second)) == (2, 2)
    assert ask(first) == 2
    lane.close_context()


def test_lanes_in_two_threads_work_at_once(choice: Choice) -> None:
    """Each thread has its own Playwright and its own browser."""
    met, answers = threading.Barrier(2, timeout=60), []

    def work() -> None:
        with Lane(choice) as lane:
            page = lane.open()
            met.wait()
            answers.append(ask(page))
            met.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [2, 2]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_where_a_proxy_is_configured_there_is_no_relay(
    choice: Choice, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The browser must go through that proxy, and can go through one only."""
    assert not behind_proxy()
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert behind_proxy()
    if name == "ALL_PROXY":
        with Lane(choice) as lane:
            assert lane.relay is None


CHILD = """
import signal, sys
sys.path[:0] = {path!r}
from automation.browser import Lane, wait_until
from automation.finding import Choice
hits = []
signal.signal(signal.SIGINT, lambda *_: hits.append(1))
with Lane(Choice({kind!r}, {value!r}, "")) as lane:
    page = lane.open()
    print("open", flush=True)
    wait_until(page, lambda: bool(hits), 60)
    print("answer", page.evaluate("6 * 7"), flush=True)
"""


@contextmanager
def child(choice: Choice) -> Iterator[tuple["subprocess.Popen[str]", dict[int, str]]]:
    """Another process with an open lane, in a process group of its own; and its descendants."""
    code = CHILD.format(path=sys.path, kind=choice.kind, value=choice.value)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "open\n"
            below = family(process.pid)
            assert {"node", "chro"} <= {name[:4] for name in below.values()}
            yield process, below
        finally:
            process.kill()


@ON_LINUX
def test_when_we_are_killed_neither_driver_nor_browser_stays(choice: Choice) -> None:
    """A killed run must not leave a signed-in browser behind."""
    with child(choice) as (process, below):
        process.kill()
        process.wait()
        until(lambda: not [pid for pid in below if runs(pid)])


@ON_LINUX
def test_when_the_driver_is_killed_the_browser_does_not_stay(choice: Choice) -> None:
    """It sees the pipe to its driver close."""
    with child(choice) as (_, below):
        os.kill(next(pid for pid, name in below.items() if name.startswith("node")), 9)
        until(lambda: not [pid for pid in below if runs(pid)])


@ON_LINUX
def test_ctrl_c_does_not_end_the_browser(choice: Choice) -> None:
    """The terminal sends it to the whole group; the token in hand is finished first."""
    with child(choice) as (process, below):
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "answer 42\n"
        assert process.wait(60) == 0
        until(lambda: not [pid for pid in below if runs(pid)])


def test_a_lane_leaves_no_thread(choice: Choice) -> None:
    """Neither its relay's nor Playwright's."""
    before = set(threading.enumerate())
    with Lane(choice) as lane:
        lane.open()
    assert set(threading.enumerate()) <= before
