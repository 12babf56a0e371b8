"""How an answer travels: whole and at once, or late, slowly, cut, compressed and broken."""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from functools import cache

from aiohttp import web

from tests.simulator.answers import Reply
from tests.simulator.fault import Fault

_LEAST_COMPRESSED = 512
_BOMB_BLOCK = b" " * (1 << 20)


class _EndedByClose(web.StreamResponse):
    """Neither Content-Length nor chunks: only the end of the connection ends the body."""

    _length_check = False


def whole(reply: Reply, *, compressed: bool) -> web.Response:
    """An undisturbed answer."""
    headers = _headers(reply)
    body = reply.body.plain
    if compressed and len(body) >= _LEAST_COMPRESSED and "Content-Encoding" not in reply.headers:
        body = reply.body.gzipped
        headers["Content-Encoding"] = "gzip"
    return web.Response(status=reply.status, headers=headers, body=body)


async def disturbed(request: web.Request, reply: Reply, fault: Fault) -> web.StreamResponse:
    """An answer as the fault has it; the connection may be gone when this returns."""
    headers = _headers(reply)
    body = reply.body.plain
    if fault.gzip is not None or fault.bomb_bytes is not None:
        headers["Content-Encoding"] = "gzip"
    if fault.gzip is not None:
        body = _compressed(body, fault)
    ended_by_close = fault.framing == "close"
    kind = _EndedByClose if ended_by_close else web.StreamResponse
    response = kind(status=reply.status, headers=headers)
    if fault.framing == "chunked" or fault.bomb_bytes is not None:
        response.enable_chunked_encoding()
    elif not ended_by_close:
        response.content_length = len(body)
    if ended_by_close:
        response.force_close()
    try:
        await response.prepare(request)
        async for piece in _pieces(body, fault):
            await response.write(piece)
        if fault.cut_after is None:
            await response.write_eof()
    except ConnectionError:
        return response
    if (fault.cut_after is not None or fault.close) and request.transport is not None:
        request.transport.close()
    return response


def _headers(reply: Reply) -> dict[str, str]:
    present = {name: value for name, value in reply.headers.items() if value is not None}
    return {"Content-Type": "application/json", **present}


def _compressed(body: bytes, fault: Fault) -> bytes:
    packed = gzip.compress(body, mtime=0)
    middle = len(packed) // 2
    if fault.gzip == "truncated":
        return packed[:middle]
    if fault.gzip == "corrupt":
        return packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :]
    return packed


async def _pieces(body: bytes, fault: Fault) -> AsyncIterator[bytes]:
    if fault.bomb_bytes is not None:
        for piece in _bomb(fault.bomb_bytes, body):
            yield piece
        return
    end = len(body) if fault.cut_after is None else fault.cut_after
    if fault.byte_interval is None:
        if end:
            yield body[:end]
        return
    for position in range(min(end, len(body))):
        yield body[position : position + 1]
        await asyncio.sleep(fault.byte_interval)


def _bomb(decoded_bytes: int, body: bytes) -> Iterator[bytes]:
    """The body in one gzip member, after so much white space; a thousandth of it on the wire."""
    blocks = decoded_bytes // len(_BOMB_BLOCK)
    packed = _packed_block()
    checksum = 0
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    for _ in range(blocks):
        checksum = zlib.crc32(_BOMB_BLOCK, checksum)
        yield packed
    rest = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    yield rest.compress(body) + rest.flush()
    size = blocks * len(_BOMB_BLOCK) + len(body)
    yield struct.pack("<LL", zlib.crc32(body, checksum), size & 0xFFFFFFFF)


@cache
def _packed_block() -> bytes:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return packer.compress(_BOMB_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
