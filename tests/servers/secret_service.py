"""A keyring for D-Bus clients, as gnome-keyring is one, made of the client's own message classes.

It is bus and Secret Service in one, on a socket of its own, and speaks as much of both as the
keyring library asks for. Where gnome-keyring is installed, that one is tried beside it.
"""

import contextlib
import os
import selectors
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, Message, MessageType, Parser, new_error, new_method_return

from tests.servers.gate import running

_SECRETS = "/org/freedesktop/secrets"
_COLLECTION = f"{_SECRETS}/collection/login"
_FAILED = "org.freedesktop.DBus.Error.Failed"


class SecretService:
    """One unlocked collection, in memory."""

    def __init__(self, path: Path) -> None:
        """Listen on a socket at this path."""
        self._path = path
        self._items: dict[str, tuple[dict[str, str], bytes]] = {}
        self._made = 0
        self._serial = 0
        self.locked = self.mute = self.deaf = False
        self._clients: dict[socket.socket, tuple[Parser, bytearray]] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._bell, self._rung = socket.socketpair()
        self._selector.register(self._rung, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it."""
        return {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={self._path}"}

    @contextlib.contextmanager
    def being(self, what: str) -> Iterator[None]:
        """Be `locked` for whoever writes or reads, `mute`, or `deaf` to whoever knocks."""
        setattr(self, what, True)
        try:
            yield
        finally:
            setattr(self, what, False)
            self._bell.send(b"d")  # whoever still waits is told that nothing comes

    def close(self) -> None:
        """Stop."""
        self._bell.send(b"e")
        self._thread.join()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                one: Any = key.fileobj
                if one is self._rung:
                    for client in list(self._clients):
                        self._drop(client)
                    if one.recv(1) == b"e":
                        return self._end()
                elif one is self._listener:
                    self._welcome()
                elif one in self._clients:
                    self._hear(one)

    def _end(self) -> None:
        self._selector.close()
        for each in (self._listener, self._bell, self._rung):
            each.close()

    def _welcome(self) -> None:
        client, _ = self._listener.accept()
        if self.deaf:
            return client.close()
        self._clients[client] = (Parser(), bytearray())
        self._selector.register(client, selectors.EVENT_READ)

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._clients[client]
        client.close()

    def _hear(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = client.recv(65536)
            if data:
                return self._take(client, data)
        self._drop(client)

    def _take(self, client: socket.socket, data: bytes) -> None:
        parser, greeting = self._clients[client]
        if not greeting.endswith(b"BEGIN\r\n"):
            # Whoever may open the socket may come in: its folder is the test's alone.
            head, begin, data = data.partition(b"BEGIN\r\n")
            greeting += head + begin
            if b"AUTH" in head:
                client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            if b"NEGOTIATE" in head:
                client.sendall(b"ERROR\r\n")
        parser.add_data(data)
        while (message := parser.get_next_message()) is not None:
            if message.header.message_type is MessageType.method_call and not self.mute:
                self._serial += 1
                client.sendall(self._answer(message).serialise(serial=self._serial))

    def _answer(self, call: Message) -> Message:
        fields = call.header.fields
        member, path = fields[HeaderFields.member], fields[HeaderFields.path]
        if member == "OpenSession" and call.body[0] != "plain":
            return new_error(call, "org.freedesktop.DBus.Error.NotSupported")
        if self.locked and member in ("CreateItem", "GetSecret", "SearchItems"):
            return new_error(call, _FAILED, "s", ("locked",))
        method = getattr(self, f"_{member}", None)
        if method is None:
            return new_error(call, "org.freedesktop.DBus.Error.UnknownMethod", "s", (member,))
        try:
            signature, body = method(path, *call.body)
        except KeyError:
            return new_error(call, "org.freedesktop.DBus.Error.UnknownObject", "s", ("gone",))
        return new_method_return(call, signature or None, body)

    def _Hello(self, _path: str) -> tuple[str, tuple[Any, ...]]:
        return "s", (":1.1",)

    def _AddMatch(self, _path: str, _rule: str) -> tuple[str, tuple[Any, ...]]:
        return "", ()

    def _NameHasOwner(self, _path: str, _name: str) -> tuple[str, tuple[Any, ...]]:
        return "b", (True,)

    def _OpenSession(self, _path: str, _how: str, _input: Any) -> tuple[str, tuple[Any, ...]]:
        return "vo", (("s", ""), f"{_SECRETS}/session/1")

    def _ReadAlias(self, _path: str, _name: str) -> tuple[str, tuple[Any, ...]]:
        return "o", (_COLLECTION,)

    def _Get(self, _path: str, _interface: str, name: str) -> tuple[str, tuple[Any, ...]]:
        values = {"Label": ("s", "login"), "Locked": ("b", False)}
        return "v", (values[name],)

    def _SearchItems(self, _path: str, asked: dict[str, str]) -> tuple[str, tuple[Any, ...]]:
        return "ao", (self._found(asked),)

    def _found(self, asked: dict[str, str]) -> list[str]:
        return [path for path, (told, _) in self._items.items() if asked.items() <= told.items()]

    def _CreateItem(
        self, _path: str, properties: dict[str, Any], secret: tuple[Any, ...], replace: bool
    ) -> tuple[str, tuple[Any, ...]]:
        told = properties["org.freedesktop.Secret.Item.Attributes"][1]
        same = self._found(told) if replace else []
        self._made += 1
        path = same[0] if same else f"{_COLLECTION}/{self._made}"
        self._items[path] = (told, bytes(secret[2]))
        return "oo", (path, "/")

    def _GetSecret(self, path: str, session: str) -> tuple[str, tuple[Any, ...]]:
        return "(oayays)", ((session, b"", self._items[path][1], "text/plain"),)

    def _Unlock(self, _path: str, paths: list[str]) -> tuple[str, tuple[Any, ...]]:
        return "aoo", (paths, "/")

    def _Delete(self, path: str) -> tuple[str, tuple[Any, ...]]:
        del self._items[path]
        return "o", ("/",)


@contextlib.contextmanager
def secret_service(folder: Path) -> Iterator[SecretService]:
    """Start one in a folder of its own."""
    service = SecretService(folder / "bus")
    try:
        yield service
    finally:
        service.close()


def lacking() -> str:
    """Return which program of a real keyring is not installed; empty where all are."""
    programs = ("dbus-daemon", "gnome-keyring-daemon")
    return next((each for each in programs if shutil.which(each) is None), "")


@contextlib.contextmanager
def gnome_keyring(folder: Path) -> Iterator[dict[str, str]]:
    """Start a bus and a real, unlocked gnome-keyring on it; yields a client's environment."""
    address = f"unix:path={folder / 'session-bus'}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "DBUS_SESSION_BUS_ADDRESS": address,
    }
    silence = {"stderr": subprocess.DEVNULL, "env": environment}
    bus = ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address={address}"]
    keyring = ["gnome-keyring-daemon", "--unlock", "--foreground", "--components=secrets"]
    pipe = subprocess.PIPE
    with running(bus, stdout=pipe, **silence) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline()
        with running(keyring, stdin=pipe, stdout=subprocess.DEVNULL, **silence) as unlocked:
            assert unlocked.stdin is not None
            unlocked.stdin.write("a password of nobody's")
            unlocked.stdin.close()
            yield {"DBUS_SESSION_BUS_ADDRESS": address}
