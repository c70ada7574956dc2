"""What every test may use: a private home, one browser for the session, a small web server."""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page

from automation.browser import Choice, Lane, find_browser
from automation.files import private_folder

if TYPE_CHECKING:
    from tests.servers.postgres import Postgres

BROWSER = os.environ.get("PIXELMINT_BROWSER")
"""What the run was told to use; without it, what is found."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
for _name in _PROXIES:  # all that is tested is on loopback, and a proxy would turn the relay off
    os.environ.pop(_name, None)
    os.environ.pop(_name.lower(), None)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("PIXELMINT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, no_settings: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private PIXELMINT_HOME of this test's own."""
    folder = private_folder(tmp_path / "home")
    monkeypatch.setenv("PIXELMINT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[Postgres]":
    """One PostgreSQL for all tests of this process that need one."""
    from tests.servers.postgres import postgres

    with postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres_server: "Postgres") -> str:
    """An empty PostgreSQL database of this test's own."""
    return postgres_server.fresh()


@pytest.fixture(scope="session")
def choice() -> Choice:
    """The browser PIXELMINT_BROWSER names, or this machine's; installed where there is none."""
    return find_browser(BROWSER)


@pytest.fixture(scope="session")
def visible_choice() -> Choice:
    """The same for a browser that can show a window."""
    return find_browser(BROWSER, visible=True)


@pytest.fixture(scope="session")
def lane(choice: Choice) -> Iterator[Lane]:
    """One headless browser for all tests of this process."""
    with Lane(choice, patience_s=10) as lane:
        yield lane


@pytest.fixture
def page(lane: Lane) -> Iterator[Page]:
    """A page in a context of this test's own."""
    yield lane.open()
    lane.close_context()


@dataclass
class Request:
    """What a browser asked the test's server for."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    """The asking end's port: the same on a reused connection."""


@dataclass
class Answer:
    """What the test's server answers; `None` instead of one drops the connection."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


Route = str | Answer | Callable[[Request], Answer | None]


class _Server(ThreadingHTTPServer):
    """Ends its threads with itself, so that no test leaves one behind."""

    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a browser may go at any time
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Site:
    """A web site on loopback, HTTP/1.1 with connections kept: `site.routes["/"] = "<p>hello"`."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.seen: list[Request] = []
        """Every request that came, in order."""
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Its origin, without a closing slash."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop it, and end the connections that browsers keep."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def asked(self, path: str) -> list[Request]:
        """Return the requests for one path."""
        return [each for each in self.seen if each.path == path]

    def answer(self, request: Request) -> Answer | None:
        """Look a request's path up, with its query or without."""
        self.seen.append(request)
        route = self.routes.get(request.path, self.routes.get(request.path.partition("?")[0]))
        if callable(route):
            return route(request)
        if isinstance(route, str):
            return Answer(route.encode())
        return route or Answer(b"nothing here", 404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = dict(self.headers.items())
                request = Request(self.command, self.path, headers, body, self.client_address[1])
                answer = site.answer(request)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_POST = do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing: a test's output is its own."""

        return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """A web site on loopback for this test."""
    site = Site()
    yield site
    site.close()


def until(condition: Callable[[], object], limit_s: float = 30) -> None:
    """Wait for something outside of this process; the limit is reached only where it is broken."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
