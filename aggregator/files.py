"""Files of people: small texts are read within bounds, what they asked for is written whole."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aggregator.errors import ConfigurationError, OutputError

STANDARD_OUTPUT = "-"

MAX_LINE_CHARACTERS = 4 * 1024 * 1024
MAX_FILE_BYTES = 32 * 1024 * 1024
_MOST_LINKS = 40
"""One after the other, as Linux follows."""


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
        foreign_owner=not _is_ours(status),
    )


def _decoded(data: bytes, *, complete: bool) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode(errors="strict" if complete else "replace")
    except UnicodeDecodeError:
        return None


@contextmanager
def written_whole(output: str, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A new file, which takes the place of ``output`` when the block ends well.

    Otherwise nothing has changed there, and readers never see half a file. ``-`` is standard
    output, which is not closed. A file that is replaced stays open to whom it was; a new one has
    ``mode``, or the umask decides. A symbolic link is followed, unless somebody else made it.

    Raises ``ConfigurationError`` at once for what can never be written, as a folder, and
    ``OutputError`` where writing fails, as on a full disk.
    """
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    try:
        target = _followed(Path(output))
        _refuse_what_is_no_file(output, target)
        draft = target.with_name(f".aggregator-{secrets.token_hex(8)}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError([f"{output} cannot be written: {error.strerror}"]) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            _open_to_readers(descriptor, target, 0o666 & ~_umask() if mode is None else mode)
            os.fsync(descriptor)
        draft.replace(target)
        _keep_entries(target.parent)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _followed(path: Path) -> Path:
    """Where the links at this path lead to.

    In a shared folder as /tmp somebody else can plant one, and with it choose what is replaced.
    """
    for _ in range(_MOST_LINKS):
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            break
        if not stat.S_ISLNK(status.st_mode):
            break
        if not _is_ours(status):
            raise ConfigurationError([f"{path} is a link that somebody else made"])
        path = path.parent / path.readlink()
    else:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return Path(os.path.realpath(path.parent)) / path.name


def _refuse_what_is_no_file(output: str, target: Path) -> None:
    """Also a device, whose place a file would take."""
    if target.is_dir() or output.endswith(("/", "/.")):
        raise ConfigurationError([f"{output} is a folder; name a file in it"])
    if not target.parent.is_dir():
        raise ConfigurationError([f"the folder of {output} does not exist"])
    if target.exists() and not target.is_file():
        raise ConfigurationError([f"{output} is not a regular file; - is standard output"])


def _open_to_readers(descriptor: int, target: Path, mode: int) -> None:
    """Gives the draft the mode and the group of the file it replaces, or the mode of a new one.

    A stranger whose file is in the way does not say who may read ours.
    """
    try:
        old = target.lstat()
    except FileNotFoundError:
        old = None
    if old and stat.S_ISREG(old.st_mode) and _is_ours(old):
        mode = stat.S_IMODE(old.st_mode) & 0o777
        try:
            os.fchown(descriptor, -1, old.st_gid)
        except OSError:  # another group gets no more than everybody
            mode = mode & 0o707 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())


def _umask() -> int:
    """It can only be read by setting it; meanwhile others can do less, not more."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _keep_entries(folder: Path) -> None:
    """Makes the folder survive a power cut as it is now, where its file system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
