"""A server on loopback that sends exactly the bytes it is told, when it is told, or hangs up."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum


class Hang(Enum):
    """Steps that end a connection."""

    UP = "close it in good order"
    RESET = "abort it"


@dataclass(frozen=True)
class Received:
    """A request as it came, and which of its connection's requests it was, from 0."""

    target: str
    headers: dict[str, str]
    nth_of_connection: int


Script = Callable[[Received], Iterable[bytes | float | Hang]]
"""What to do about a request: bytes to send, seconds to wait, or how to end the connection."""


@dataclass
class ScriptedServer:
    base_url: str = ""
    received: list[Received] = field(default_factory=list)
    connections: int = 0


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def serve(
    script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[ScriptedServer]:
    """A server that runs ``script`` for each request, for the length of the block."""
    state = ScriptedServer()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_converse(state, script, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    state.base_url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _converse(
    state: ScriptedServer,
    script: Script,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    state.connections += 1
    try:
        for nth in itertools.count():
            received = _parse(await reader.readuntil(b"\r\n\r\n"), nth)
            state.received.append(received)
            if await _follow(script(received), writer):
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client had enough
    finally:
        writer.transport.abort()


async def _follow(steps: Iterable[bytes | float | Hang], writer: asyncio.StreamWriter) -> bool:
    """Whether the connection is to end."""
    for step in steps:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        else:
            if step is Hang.UP:
                writer.close()
                await writer.wait_closed()
            return True
    return False


def _parse(head: bytes, nth: int) -> Received:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Received(
        first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}, nth
    )
