"""Serves a fleet from memory, late on purpose, and notes when each request came.

It runs in a process of its own and does nothing per request but look up a ready answer, so that
what it counts is how the client behaves. Root raises its priority: a server that waits for the
processor would count its own waiting.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from benchmarks.fleet import Fleet
from benchmarks.loop import run
from benchmarks.static_server import free_port

START_TIMEOUT_SECONDS = 60.0
_REQUEST = re.compile(
    rb"GET (\S+) HTTP/1\.1\r\n(?:.*\r\n)*?authorization: Bearer (\S+)\r\n", re.IGNORECASE
)
_UNAUTHORIZED = b'{"message":"Unauthorized","status":401}'


class DelayedServer:
    """A running server; its log starts anew each time it is taken."""

    def __init__(self, base_url: str, pipe: Connection) -> None:
        self.base_url = base_url
        self._pipe = pipe

    def take_log(self) -> list[float]:
        """When each request since the last call arrived, ascending, by ``time.monotonic``."""
        self._pipe.send("take")
        arrivals: array[float] = self._pipe.recv()
        return sorted(arrivals)


@contextmanager
def running(fleet: Fleet, delay_seconds: float) -> Iterator[DelayedServer]:
    """A server on 127.0.0.1 that answers each request ``delay_seconds`` late; ended on leaving."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    port = free_port()
    arguments = (fleet.answers, delay_seconds, port, theirs)
    process = context.Process(target=_serve, args=arguments, daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_TIMEOUT_SECONDS) or ours.recv() != "ready":
            raise SystemExit("the delayed server did not start")
        yield DelayedServer(f"http://127.0.0.1:{port}", ours)
    finally:
        process.kill()
        process.join()


def _serve(answers: Path, delay_seconds: float, port: int, pipe: Connection) -> None:
    with suppress(PermissionError):
        os.nice(-10)
    run(_main(_load(answers), delay_seconds, port, pipe))


async def _main(
    answers: dict[tuple[bytes, bytes], bytes], delay_seconds: float, port: int, pipe: Connection
) -> None:
    loop = asyncio.get_running_loop()
    log = array("d")
    ended = asyncio.Event()

    def reply() -> None:
        try:
            pipe.recv()
        except EOFError:
            ended.set()
            return
        pipe.send(log)
        del log[:]

    server = await loop.create_server(
        lambda: _Protocol(answers, delay_seconds, log), "127.0.0.1", port, backlog=1024
    )
    loop.add_reader(pipe.fileno(), reply)
    pipe.send("ready")
    async with server:
        await ended.wait()


class _Protocol(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, for clients that send one request at a time."""

    def __init__(
        self, answers: dict[tuple[bytes, bytes], bytes], delay_seconds: float, log: array[float]
    ) -> None:
        self._answers = answers
        self._delay_seconds = delay_seconds
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _reason: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        self._log.append(time.monotonic())
        request = _REQUEST.match(self._received)
        key = (request[1], request[2]) if request else (b"", b"")
        answer = self._answers.get(key) or _answer(b"401 Unauthorized", _UNAUTHORIZED)
        self._received = b""
        self._loop.call_later(self._delay_seconds, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)


def _load(answers: Path) -> dict[tuple[bytes, bytes], bytes]:
    loaded: dict[tuple[bytes, bytes], bytes] = {}
    for folder in answers.iterdir():
        key = folder.name.encode()
        for path, file in ((b"/api/me", "me.json"), (b"/api/connections", "connections.json")):
            loaded[path, key] = _answer(b"200 OK", (folder / file).read_bytes())
    return loaded


def _answer(status: bytes, body: bytes) -> bytes:
    head = (
        b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Polytomic-Version: 2025-09-18\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    return head % (status, len(body)) + body
