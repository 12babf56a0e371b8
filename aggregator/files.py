"""Bounded reading of the small text files that people and secret managers write."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_LINE_CHARACTERS = 4 * 1024 * 1024
MAX_FILE_BYTES = 32 * 1024 * 1024


class UnreadableError(Exception):
    """The file cannot be used; the message says why and repeats nothing of what it holds."""


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a file, and whom else the file is open to."""

    text: str
    complete: bool
    """False: the file is longer than what was asked for."""
    world_readable: bool
    foreign_owner: bool
    """Owned by neither us nor root."""


def read_text(path: Path) -> str:
    """The whole of a UTF-8 text file.

    Raises ``UnreadableError`` as ``read_start`` does, and for more than ``MAX_FILE_BYTES`` or a
    line of more than ``MAX_LINE_CHARACTERS`` (its number is named).
    """
    content = read_start(path, MAX_FILE_BYTES)
    if not content.complete:
        raise UnreadableError(f"is larger than {MAX_FILE_BYTES} bytes")
    for number, line in enumerate(content.text.split("\n"), 1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise UnreadableError(f"line {number} is longer than {MAX_LINE_CHARACTERS} characters")
    return content.text


def read_start(path: Path | str, size: int) -> Content:
    """At most the first ``size`` bytes of a text file; symbolic links are followed.

    Raises ``UnreadableError`` for what is missing, no regular file or not UTF-8 text.
    """
    data, status, trouble = b"", None, "cannot be read"
    try:
        # A plain open of a named pipe waits for a writer that may never come.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISFIFO(status.st_mode):
                data = os.read(descriptor, size + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        status, trouble = None, f"cannot be read: {error.strerror}"
    if status is None:
        raise UnreadableError(trouble)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("is not a regular file")
    complete = len(data) <= size
    text = _decoded(data[:size], complete=complete)
    if text is None:
        raise UnreadableError("is not UTF-8 text")
    return Content(
        text=text,
        complete=complete,
        world_readable=bool(status.st_mode & stat.S_IROTH),
        foreign_owner=status.st_uid not in (0, os.geteuid()),
    )


def _decoded(data: bytes, *, complete: bool) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode(errors="strict" if complete else "replace")
    except UnicodeDecodeError:
        return None
