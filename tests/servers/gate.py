"""A door before a server: what passes through it can be refused, or kept waiting."""

import contextlib
import selectors
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self


class Gate:
    """Forwards connections on loopback to a port, until told otherwise."""

    def __init__(self, port: int) -> None:
        """Listen; `port` is the server's."""
        self._to = ("127.0.0.1", port)
        self._is_open, self._passes = True, True
        self._partner: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._bell, self._rung = socket.socketpair()
        self._selector.register(self._rung, selectors.EVENT_READ)
        self._orders: list[Callable[[], None]] = []
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where to knock."""
        return int(self._listener.getsockname()[1])

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Drop every connection, and each new one at once."""
        self._set(is_open=False, passes=True)
        try:
            yield
        finally:
            self._set(is_open=True, passes=True)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Take connections and what they bring, and answer nothing."""
        self._set(is_open=True, passes=False)
        try:
            yield
        finally:
            self._set(is_open=True, passes=True)

    def close(self) -> None:
        """Drop everything and stop."""
        self._order(self._end)
        self._thread.join()

    def __enter__(self) -> Self:
        """Be closed at the end of a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _set(self, *, is_open: bool, passes: bool) -> None:
        done = threading.Event()

        def change() -> None:
            self._is_open, self._passes = is_open, passes
            for each in list(self._partner):
                self._drop(each)
            done.set()

        self._order(change)
        assert done.wait(10)

    def _order(self, what: Callable[[], None]) -> None:
        self._orders.append(what)
        self._bell.send(b"!")

    def _end(self) -> None:
        for each in list(self._partner):
            self._drop(each)
        self._ended = True

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select():
                one: Any = key.fileobj
                if one is self._listener:
                    self._welcome()
                elif one is self._rung:
                    one.recv(1)
                    self._orders.pop(0)()
                elif one in self._partner:
                    self._move(one)
        self._selector.close()
        for each in (self._listener, self._bell, self._rung):
            each.close()

    def _welcome(self) -> None:
        comer, _ = self._listener.accept()
        if not self._is_open:
            comer.close()
            return
        try:
            server = socket.create_connection(self._to)
        except OSError:
            comer.close()
            return
        for one, other in ((comer, server), (server, comer)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._partner[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _move(self, one: socket.socket) -> None:
        try:
            data = one.recv(65536)
            if data and self._passes:
                self._partner[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        other = self._partner.pop(one, None)
        if other is not None:
            self._partner.pop(other, None)
            for each in (one, other):
                self._selector.unregister(each)
                each.close()


@contextlib.contextmanager
def running(command: list[str], **settings: Any) -> Iterator["subprocess.Popen[str]"]:
    """Run a server; it is ended, and waited for, at the end."""
    process = subprocess.Popen(command, text=True, **settings)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stdin):
            if pipe is not None:
                pipe.close()
