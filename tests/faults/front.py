"""Ways to a simulated host: relays that speak TLS, count connections and can be cut."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Front:
    """Where it listens, and whom it met."""

    port: int
    accepted: list[tuple[float, int]] = field(default_factory=list)
    """When each connection came (the loop's clock), and from which port; TLS is through by then."""
    reset_after: int | None = None
    """Bytes of answers after which a connection is reset; None: never."""


def listener(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    sock = socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256
    )
    sock.setblocking(False)
    return sock


@asynccontextmanager
async def front(
    base_url: str, sock: socket.socket | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Front]:
    """Relays connections of ``sock`` (127.0.0.1, any port, if None) to the host at ``base_url``."""
    sock = sock or listener()
    met = Front(sock.getsockname()[1])
    upstream = urlsplit(base_url)
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.accepted.append(
            (asyncio.get_running_loop().time(), writer.get_extra_info("peername")[1])
        )
        there = await asyncio.open_connection(upstream.hostname, upstream.port)
        writers.extend([writer, there[1]])
        try:
            await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer, met))
        finally:
            there[1].close()
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, sock=sock, ssl=tls)
    try:
        yield met
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # aborted transports close one turn of the loop later


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, met: Front | None = None
) -> None:
    sent = 0
    with suppress(OSError):
        while data := await reader.read(65536):
            if met and met.reset_after is not None and sent + len(data) > met.reset_after:
                writer.write(data[: met.reset_after - sent])
                await writer.drain()
                _reset(writer)
                return
            sent += len(data)
            writer.write(data)
            await writer.drain()
    writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of an orderly end."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def quiet() -> Iterator[None]:
    """The server's side of handshakes that fail on purpose is logged by asyncio."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logging.getLogger("asyncio").setLevel(logging.NOTSET)
