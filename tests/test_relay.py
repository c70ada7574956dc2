"""The relay: passes bytes on, refuses what it should, and drops everything at one instant."""

import contextlib
import hashlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Self

import pytest
from playwright.sync_api import Page

from automation.browser import Lane
from automation.relay import Relay
from tests.conftest import Answer, Request, Site, until

GREETING = b"\5\1\0"
LIMIT_S = 20
"""Time limit of every socket here: reached only where something is broken."""


class Peer:
    """A server for one kind of conversation, each connection in a thread of its own."""

    def __init__(self, talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._talk = talk
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._one, args=(connection,)))
            self._threads[-1].start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(LIMIT_S)
            self._talk(connection)


def echo(connection: socket.socket) -> None:
    """Send everything back until the other side is done."""
    while data := connection.recv(65536):
        connection.sendall(data)


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay of this test's own."""
    with Relay() as relay:
        yield relay


@pytest.fixture
def dial(relay: Relay) -> Iterator[Callable[..., socket.socket]]:
    """Connect to the relay; what was opened is closed with the test."""
    opened: list[socket.socket] = []

    def dial(first: bytes = GREETING, to: Relay = relay) -> socket.socket:
        port = int(to.server.rpartition(":")[2])
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))
        opened[-1].sendall(first)
        return opened[-1]

    yield dial
    for each in opened:
        each.close()


def exactly(connection: socket.socket, count: int) -> bytes:
    """Read that many bytes."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, f"the connection ended after {data!r}"
        data += more
    return data


def request(connection: socket.socket, address: bytes, port: int, command: int = 1) -> int:
    """Ask for a connection; return the relay's answer."""
    assert exactly(connection, 2) == b"\5\0"
    connection.sendall(bytes((5, command, 0)) + address + struct.pack("!H", port))
    answer = exactly(connection, 10)
    assert answer[0] == 5
    return answer[1]


def ipv4(host: str = "127.0.0.1") -> bytes:
    """An IPv4 address as SOCKS5 writes it."""
    return b"\1" + socket.inet_aton(host)


def hostname(host: str) -> bytes:
    """A host name as SOCKS5 writes it."""
    return b"\3" + bytes((len(host),)) + host.encode()


@pytest.mark.parametrize("address", [ipv4(), hostname("localhost")], ids=["ipv4", "name"])
def test_bytes_pass_both_ways(dial: Callable[..., socket.socket], address: bytes) -> None:
    """A tunnel to an address and one to a name both carry what is sent, and what comes back."""
    with Peer(echo) as peer:
        tunnel = dial()
        assert request(tunnel, address, peer.port) == 0
        tunnel.sendall(b"hello")
        assert exactly(tunnel, 5) == b"hello"
        tunnel.close()


def test_an_ipv6_address_is_reached(dial: Callable[..., socket.socket]) -> None:
    """SOCKS5's third kind of address works too."""
    try:
        peer = Peer(echo, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with peer:
        tunnel = dial()
        assert request(tunnel, b"\4" + socket.inet_pton(socket.AF_INET6, "::1"), peer.port) == 0
        tunnel.sendall(b"six")
        assert exactly(tunnel, 3) == b"six"
        tunnel.close()


def test_many_bytes_arrive_whole_after_one_side_has_ended(
    dial: Callable[..., socket.socket],
) -> None:
    """A side that has said all it has to say still hears the answer to its end."""
    sent = os.urandom(8 << 20)

    def digest_then_repeat(connection: socket.socket) -> None:
        heard = b"".join(iter(lambda: connection.recv(65536), b""))
        connection.sendall(hashlib.sha256(heard).digest() + heard)

    with Peer(digest_then_repeat) as peer:
        tunnel = dial()
        assert request(tunnel, ipv4(), peer.port) == 0
        tunnel.sendall(sent)
        tunnel.shutdown(socket.SHUT_WR)
        assert exactly(tunnel, 32) == hashlib.sha256(sent).digest()
        assert exactly(tunnel, len(sent)) == sent
        assert tunnel.recv(1) == b""


def test_a_reset_on_one_side_reaches_the_other(dial: Callable[..., socket.socket]) -> None:
    """A browser that breaks a connection off does not leave the server's end open."""
    heard = threading.Event()

    def wait_for_the_end(connection: socket.socket) -> None:
        try:
            assert connection.recv(1) == b""
        except ConnectionError:
            pass
        heard.set()

    with Peer(wait_for_the_end) as peer:
        tunnel = dial()
        assert request(tunnel, ipv4(), peer.port) == 0
        # SO_LINGER with zero seconds: closing sends a reset.
        tunnel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tunnel.close()
        assert heard.wait(LIMIT_S)


def test_dropping_ends_every_tunnel_at_both_ends(
    relay: Relay, dial: Callable[..., socket.socket]
) -> None:
    """When `drop_idle` returns, a browser that looks at its connections finds them ended."""
    ended = threading.Semaphore(0)

    def wait_for_the_end(connection: socket.socket) -> None:
        assert connection.recv(1) == b""
        ended.release()

    with Peer(wait_for_the_end) as peer:
        tunnels = [dial() for _ in range(3)]
        assert [request(tunnel, ipv4(), peer.port) for tunnel in tunnels] == [0, 0, 0]
        relay.drop_idle()
        for tunnel in tunnels:
            tunnel.setblocking(False)  # the end is there already: a browser looks without waiting
            assert tunnel.recv(1) == b""
        assert all(ended.acquire(timeout=LIMIT_S) for _ in tunnels)


def test_after_dropping_new_tunnels_work(relay: Relay, dial: Callable[..., socket.socket]) -> None:
    """Dropping ends what is, not what comes."""
    relay.drop_idle()
    with Peer(echo) as peer:
        tunnel = dial()
        assert request(tunnel, ipv4(), peer.port) == 0
        tunnel.sendall(b"again")
        assert exactly(tunnel, 5) == b"again"
        tunnel.close()


@pytest.mark.parametrize("made", ["before", "after"])
def test_from_then_on_no_connection_carries_a_second_request(
    relay: Relay, dial: Callable[..., socket.socket], made: str
) -> None:
    """One whose answer was still awaited, and one made in the meantime: both could be reused."""
    answer, seen = threading.Event(), bytearray()

    def talk(connection: socket.socket) -> None:
        seen.extend(connection.recv(100))
        assert answer.wait(LIMIT_S)
        connection.sendall(b"answer")
        with contextlib.suppress(OSError):
            seen.extend(connection.recv(100))

    with Peer(talk) as peer:
        if made == "after":
            relay.drop_idle()
        tunnel = dial()
        assert request(tunnel, ipv4(), peer.port) == 0
        tunnel.sendall(b"first")
        if made == "before":
            until(lambda: bytes(seen) == b"first")
            relay.drop_idle()
        answer.set()
        assert exactly(tunnel, 6) == b"answer"
        tunnel.sendall(b"second")
        with contextlib.suppress(ConnectionError):
            assert tunnel.recv(1) == b""
    assert bytes(seen) == b"first"


@pytest.mark.parametrize("first", [b"\x16\x03\x01", b"GET /\r\nUpgrade: websocket\r\n\r\n"])
def test_what_is_encrypted_or_a_socket_is_not_taken_for_requests(
    relay: Relay, dial: Callable[..., socket.socket], first: bytes
) -> None:
    """And once reuse is allowed again, any connection carries what it is given."""
    relay.drop_idle()
    with Peer(echo) as peer:
        tunnel, plain = dial(), dial()
        for each in (tunnel, plain):
            assert request(each, ipv4(), peer.port) == 0
        for data in (first, b"more", b"and more"):
            tunnel.sendall(data)
            assert exactly(tunnel, len(data)) == data
        relay.allow_reuse()
        for data in (b"one", b"two"):
            plain.sendall(data)
            assert exactly(plain, 3) == data
        tunnel.close()
        plain.close()


@pytest.mark.parametrize("command", [2, 3], ids=["bind", "udp"])
def test_only_connecting_is_done(dial: Callable[..., socket.socket], command: int) -> None:
    """SOCKS5's other commands are refused by their own code."""
    assert request(dial(), ipv4(), 9, command) == 7


def test_an_unknown_kind_of_address_is_refused(dial: Callable[..., socket.socket]) -> None:
    """An address that is not IPv4, IPv6 or a name is refused by its own code."""
    assert request(dial(), b"\x09", 9) == 8


def test_a_closed_port_is_reported_as_refused(dial: Callable[..., socket.socket]) -> None:
    """The browser is told that nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert request(dial(), ipv4(), port) == 5


def test_a_name_that_is_none_is_an_answer_not_a_crash(dial: Callable[..., socket.socket]) -> None:
    """Bytes that are no host name get a failure for an answer."""
    assert request(dial(), b"\3\2\xff\xfe", 9) == 1


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\4\1\0", b"\5\1\2"])
def test_other_than_socks5_without_password_is_refused(
    dial: Callable[..., socket.socket], first: bytes
) -> None:
    """HTTP, SOCKS4 and a client that insists on a password are turned away."""
    assert exactly(dial(first), 2) == b"\5\1"


def test_who_says_nothing_is_not_kept(dial: Callable[..., socket.socket]) -> None:
    """The time limit covers the greeting: a silent client is answered and dropped."""
    with Relay(connect_s=0.1) as hasty:
        silent = dial(b"", to=hasty)
        assert exactly(silent, 2) == b"\5\4"


def test_it_listens_on_one_loopback_address_alone(relay: Relay) -> None:
    """Another address of this machine does not reach it."""
    port = int(relay.server.rpartition(":")[2])
    assert relay.server.startswith("socks5://127.0.0.1:")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=LIMIT_S).close()


def test_closing_leaves_no_thread_no_port_and_no_tunnel(caplog: pytest.LogCaptureFixture) -> None:
    """After `close`, called twice, nothing of a relay with an open tunnel is left; nor a log."""
    before = set(threading.enumerate())
    with Peer(echo) as peer:
        relay = Relay().__enter__()
        port = int(relay.server.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as tunnel:
            tunnel.sendall(GREETING)
            assert request(tunnel, ipv4(), peer.port) == 0
            relay.close()
            relay.close()
            assert tunnel.recv(1) == b""
    assert set(threading.enumerate()) <= before
    assert caplog.records == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


ASKS = """<button onclick="fetch('/generate', {method: 'POST', body: 'x=1'})
    .then(r => r.text(), () => 'no answer').then(t => document.title = t)">Go</button>"""


def test_a_request_whose_connection_drops_is_sent_once(lane: Lane, page: Page, site: Site) -> None:
    """Without `drop_idle` Chromium repeats what it sent on a used connection: two would come."""
    relay = lane.relay
    assert relay is not None

    def drop(_: Request) -> Answer | None:
        return None

    site.routes |= {"/": ASKS, "/warm": Answer(b"{}"), "/generate": drop}
    for _ in range(5):
        site.seen.clear()
        page.goto(site.url)
        page.evaluate("fetch('/warm').then(r => r.text())")
        session = page.context.new_cdp_session(page)

        def let_go(event: dict[str, str], session: object = session) -> None:
            relay.drop_idle()
            session.send("Fetch.continueRequest", {"requestId": event["requestId"]})

        session.on("Fetch.requestPaused", let_go)
        patterns = [{"urlPattern": "*/generate", "requestStage": "Request"}]
        session.send("Fetch.enable", {"patterns": patterns})
        page.get_by_role("button", name="Go").click()
        page.wait_for_function("document.title == 'no answer'")
        assert len(site.asked("/generate")) == 1
        session.detach()
