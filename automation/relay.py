"""A loopback SOCKS5 relay that can close every connection of the browser at one instant.

Why: Chromium repeats a request by itself when the connection it was sent on had been used before
and drops before the answer's first byte, POST included, and below the layer where requests can be
held. A console that issues a token and drops would be asked twice. On a connection that was never
used Chromium does not repeat. So all of the browser's connections go through here, and are closed
while the one request that matters is held: it then leaves on a fresh one.

Measured with Chromium 156 against a server that takes a POST and drops: 2 requests arrive without
the relay, 1 with it.
"""

import asyncio
import contextlib
import ipaddress
import socket
import struct
import threading
import time
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 1 << 18
_WAIT_S, _LOOK_S = 0.25, 0.01
_TLS_HANDSHAKE = 0x16
_REFUSED, _UNREACHABLE, _FAILED, _BAD_COMMAND, _BAD_ADDRESS = 5, 4, 1, 7, 8


class _Refused(Exception):
    """What was asked for is not done here; carries the SOCKS5 answer."""

    def __init__(self, answer: int) -> None:
        super().__init__(answer)
        self.answer = answer


class Relay:
    """Passes the browser's connections on. A context manager; runs in one thread of its own."""

    def __init__(self, *, connect_s: float = 20) -> None:
        """Prepare a relay.

        Args:
            connect_s: how long a connection may take to come about.
        """
        self._connect_s = connect_s
        self._tunnels: set[_Tunnel] = set()
        self._pause = threading.Event()
        self._once = False
        """Whether a connection may carry one request alone."""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event

    @property
    def server(self) -> str:
        """The address for the browser's proxy setting."""
        return f"socks5://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        """Start listening on a free port that only this machine can reach."""
        # Bound here, so that a failure is the caller's and not the thread's.
        listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = listener.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, ready)), name="relay", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every tunnel and stop."""
        self.close()

    def close(self) -> None:
        """Close every tunnel and stop; a second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join()

    def drop_idle(self) -> None:
        """Close the connections that a request could be sent on again, now.

        Waits a quarter of a second at most for answers that are on their way, because Chromium
        repeats what it loses with them. One whose answer is still awaited then is left alone. Not
        so an encrypted one, which may carry many at once.

        From here on until `allow_reuse` no connection carries a second request, as far as can be
        seen: one that answers, or is made, between this and the request that matters would be
        taken for that. What is sent on it is not passed on; Chromium repeats it on a fresh one.

        Both ends are shut down here and now, not by the relay's thread: on loopback the browser's
        side is at its end when this returns, and the browser looks before it uses one again. A
        connection that is only just being made in this instant is not among them.
        """
        self._once = True
        deadline = time.monotonic() + _WAIT_S
        while any(each.busy for each in list(self._tunnels)) and time.monotonic() < deadline:
            self._pause.wait(_LOOK_S)
        for each in list(self._tunnels):
            if each.encrypted or not each.awaiting:
                each.shut()

    def allow_reuse(self) -> None:
        """Let connections carry as many requests as they like again."""
        self._once = False

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._tunnel, sock=listener, limit=_CHUNK_BYTES)
        ready.set()
        await self._ended.wait()
        server.close()
        # Each tunnel closes its own ends when it is cancelled; `asyncio.run` would do so too, but
        # would not leave the transports the turn of the loop they need to close.
        tunnels = asyncio.all_tasks() - {asyncio.current_task()}
        for tunnel in tunnels:
            tunnel.cancel()
        await asyncio.gather(*tunnels, return_exceptions=True)
        await asyncio.sleep(0)

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Only `_serve` cancels; Python 3.11 would log a cancelled tunnel as an error of its own.
        cancelled = contextlib.suppress(asyncio.CancelledError)
        async with contextlib.AsyncExitStack() as ends:
            ends.enter_context(cancelled)
            tunnel = self._keep(_Tunnel(lambda: self._once), writer, ends)
            try:
                async with asyncio.timeout(self._connect_s):
                    host, port = await _asked_for(reader, writer)
                    # Several addresses are tried side by side: a name's IPv6 may lead nowhere.
                    far = await asyncio.open_connection(
                        host, port, happy_eyeballs_delay=0.25, limit=_CHUNK_BYTES
                    )
            except (_Refused, OSError, EOFError, UnicodeError) as problem:
                await _answer(writer, _meaning(problem))
                return
            self._keep(tunnel, far[1], ends)
            await _answer(writer, 0)
            await asyncio.gather(
                _pass_on(reader, far[1], tunnel.sent), _pass_on(far[0], writer, tunnel.received)
            )

    def _keep(
        self, tunnel: "_Tunnel", writer: asyncio.StreamWriter, ends: contextlib.AsyncExitStack
    ) -> "_Tunnel":
        """Know a connection until the tunnel ends, then close it."""
        # `drain` is to wait until all is sent: what is still waiting when `abort` comes is lost.
        writer.transport.set_write_buffer_limits(0)
        tunnel.ends.append(writer.get_extra_info("socket"))
        self._tunnels.add(tunnel)
        ends.callback(writer.transport.abort)
        ends.callback(self._tunnels.discard, tunnel)
        return tunnel


class _Tunnel:
    """One connection of the browser, and the far end of it."""

    def __init__(self, once: Callable[[], bool]) -> None:
        self.ends: list[TransportSocket] = []
        self._once = once
        # asyncio itself holds a task only weakly: one that waits could be collected in mid-flight.
        self.task = asyncio.current_task()
        self.awaiting = False
        """Whether the browser sent something since the far end last did."""
        self.encrypted = False
        self._answered = self._upgraded = False
        self._received_at = 0.0

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited, or was still coming in a moment ago."""
        return self.awaiting or time.monotonic() - self._received_at < _LOOK_S

    def sent(self, data: bytes) -> bool:
        """Note what the browser sends, and tell whether it may go out."""
        if not self._answered:
            self.encrypted |= data[0] == _TLS_HANDSHAKE
            self._upgraded |= b"\r\nupgrade: websocket\r\n" in data.lower()
        again = self._answered and not (self.awaiting or self.encrypted or self._upgraded)
        if again and self._once():
            return False
        self.awaiting = True
        return True

    def received(self, _data: bytes) -> bool:
        """Note what the far end sends, which may always go in."""
        self.awaiting, self._answered, self._received_at = False, True, time.monotonic()
        return True

    def shut(self) -> None:
        """Shut both ends down."""
        for each in self.ends:
            with contextlib.suppress(OSError):  # gone by itself meanwhile
                each.shutdown(socket.SHUT_RDWR)


async def _asked_for(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Read the greeting and the request of RFC 1928; return where to connect to."""
    version, methods = await reader.readexactly(2)
    if version != 5 or 0 not in await reader.readexactly(methods):
        raise _Refused(_FAILED)
    writer.write(b"\5\0")
    _, command, _, kind = await reader.readexactly(4)
    if kind == 1:
        host = str(ipaddress.IPv4Address(await reader.readexactly(4)))
    elif kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode("ascii")
    elif kind == 4:
        host = str(ipaddress.IPv6Address(await reader.readexactly(16)))
    else:
        raise _Refused(_BAD_ADDRESS)
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    if command != 1:
        raise _Refused(_BAD_COMMAND)
    return host, port


async def _answer(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes((5, code, 0, 1)) + bytes(6))
    with contextlib.suppress(OSError):
        await writer.drain()


def _meaning(problem: Exception) -> int:
    if isinstance(problem, _Refused):
        return problem.answer
    if isinstance(problem, ConnectionRefusedError):
        return _REFUSED
    return _UNREACHABLE if isinstance(problem, OSError) else _FAILED


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], bool]
) -> None:
    """Copy one direction to its end, then pass the end on; the other direction may go on."""
    try:
        while data := await reader.read(_CHUNK_BYTES):
            if not note(data):
                writer.transport.abort()  # the other direction breaks, and with it the tunnel
                return
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()  # one end broke: the other must hear of it, and this tunnel end
