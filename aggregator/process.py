"""What the process asks of its surroundings: streams that cannot fail it, and no core dumps."""

from __future__ import annotations

import ctypes
import errno
import io
import os
import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PR_SET_DUMPABLE = 4


class Stream(io.FileIO):
    """A descriptor whose first failed write is kept in ``failure`` instead of being raised.

    A full disk or a reader that went away must not end a run, and not change what its exit code
    says about it (fault H6).
    """

    failure: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
        return len(memoryview(data))

    @property
    def complaint(self) -> str | None:
        """Why output was lost; None where it was not, or where its reader wanted no more."""
        if self.failure is None or self.failure.errno == errno.EPIPE:
            return None
        return os.strerror(self.failure.errno or 0)


def forbid_core_dumps() -> None:
    """Keeps the keys in memory out of files: no core file, and none through a crash handler (S2).

    On Linux no other process of the same user may look into this one either.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def open_streams() -> Stream:
    """Replaces standard output and error by streams that cannot fail; gives that of the output.

    Descriptors that were closed lead to nowhere: a socket that got one of their numbers would
    receive what is printed, and uvloop aborts when it is to close one.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    output = Stream(1, "w", closefd=False)
    sys.stdout = _text(output, line_buffering=output.isatty())
    sys.stderr = _text(Stream(2, "w", closefd=False), line_buffering=True)
    return output


def output_failed() -> bool:
    """Whether standard output takes no more: writing on would lead nowhere."""
    stream = getattr(sys.stdout.buffer, "raw", None)
    return isinstance(stream, Stream) and stream.failure is not None


def _text(stream: Stream, *, line_buffering: bool) -> io.TextIOWrapper:
    """In the encoding of the surroundings; what that cannot say is escaped."""
    return io.TextIOWrapper(
        io.BufferedWriter(stream), errors="backslashreplace", line_buffering=line_buffering
    )
