"""A server of names that answers, refuses, fails or keeps silent, and counts who asks."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import cast


class Answer(IntEnum):
    """Response codes of RFC 1035, and saying nothing."""

    NOERROR = 0
    SERVFAIL = 2
    NXDOMAIN = 3
    SILENCE = -1


A, AAAA = 1, 28


class Names(asyncio.DatagramProtocol):
    """``addresses`` may be changed at any time; ``asked`` has the moment of each question for A."""

    def __init__(self, answer: Answer = Answer.NOERROR, *addresses: str) -> None:
        self.answer = answer
        self.addresses = list(addresses)
        self.asked: list[float] = []
        self._send: Callable[[bytes, tuple[str, int]], None] = lambda *_: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._send = cast("asyncio.DatagramTransport", transport).sendto

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(0, 12) + 5
        question, kind = data[12:end], int.from_bytes(data[end - 4 : end - 2], "big")
        if kind == A:
            self.asked.append(asyncio.get_running_loop().time())
        if self.answer is Answer.SILENCE:
            return
        found = [ipaddress.ip_address(text) for text in self.addresses]
        packed = [each.packed for each in found if kind == (A if each.version == 4 else AAAA)]
        if self.answer is not Answer.NOERROR:
            packed = []
        flags = (0x8180 | self.answer).to_bytes(2, "big")
        counts = (1).to_bytes(2, "big") + len(packed).to_bytes(2, "big") + bytes(4)
        records = b"".join(
            b"\xc0\x0c"
            + kind.to_bytes(2, "big")
            + b"\x00\x01\x00\x00\x00\x00"
            + len(each).to_bytes(2, "big")
            + each
            for each in packed
        )
        self._send(data[:2] + flags + counts + question + records, addr)


@asynccontextmanager
async def serving(names: Names, sock: socket.socket) -> AsyncIterator[Names]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: names, sock=sock
    )
    try:
        yield names
    finally:
        transport.close()
