from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.errors import ConfigurationError, OutputError
from aggregator.files import written_whole

STRANGER = 65_533
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(output: Path | str, *parts: bytes) -> None:
    with written_whole(str(output)) as file:
        for part in parts:
            file.write(part)


def test_a_file_is_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write(tmp_path / "out.html", b"one", b"two")

    assert (tmp_path / "out.html").read_bytes() == b"onetwo"
    assert names(tmp_path) == ["out.html"]


def test_a_file_keeps_its_old_content_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_bytes(b"old")

    with written_whole(str(path)) as file:
        file.write(b"half")
        file.flush()
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"half"


def test_who_is_reading_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    """It is replaced, not written over: at no moment is there half of either."""
    path = tmp_path / "out.html"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write(path, b"new one")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new one"


def test_what_goes_wrong_midway_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_bytes(b"old")

    def stopped_midway() -> Iterator[bytes]:
        yield b"half"
        raise SystemExit(143)

    with pytest.raises(SystemExit), written_whole(str(path)) as file:
        file.writelines(stopped_midway())

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.html"]


def test_a_full_disk_is_told_without_a_traceback(tmp_path: Path) -> None:
    """Fault H6."""
    path = tmp_path / "out.html"

    with (
        pytest.raises(OutputError, match=r"out\.html cannot be written: No space left"),
        written_whole(str(path)),
    ):
        raise OSError(28, "No space left on device")

    assert names(tmp_path) == []


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_umask_decides_who_may_read_it(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "out.html"
    before = os.umask(umask)
    try:
        write(path, b"new")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_is_open_to_whom_it_was(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "out.html"
    path.write_bytes(b"old")
    path.chmod(mode)

    write(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@needs_root
def test_a_file_that_is_replaced_stays_with_its_group(tmp_path: Path) -> None:
    """Those of another group could read it otherwise."""
    path = tmp_path / "out.html"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, -1, STRANGER)

    write(path, b"new")

    assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (STRANGER, 0o640)


def test_a_group_that_cannot_be_kept_is_replaced_by_one_that_may_do_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is in several groups may have lost one; the file's own group is another then."""
    path = tmp_path / "out.html"
    path.write_bytes(b"old")
    path.chmod(0o664)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    write(path, b"new")

    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@needs_root
def test_a_stranger_who_was_there_first_does_not_say_who_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_bytes(b"planted")
    path.chmod(0o666)
    os.chown(path, STRANGER, STRANGER)

    write(path, b"new")

    found = path.stat()
    assert (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())
    assert not stat.S_IMODE(found.st_mode) & 0o022


def test_nobody_else_reads_a_file_while_it_is_written(tmp_path: Path) -> None:
    with written_whole(str(tmp_path / "out.html"), mode=0o644) as file:
        status = os.fstat(file.fileno())

    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "out.html").stat().st_mode) == 0o644


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.html"
    link.symlink_to("real.html")

    write(link, b"new")

    assert link.is_symlink()
    assert (tmp_path / "real.html").read_bytes() == b"new"


def test_a_link_to_a_link_is_followed_and_one_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "one").symlink_to("sub/two")
    (tmp_path / "sub" / "two").symlink_to("../real.html")
    (tmp_path / "loop").symlink_to("loop")

    write(tmp_path / "one", b"new")

    assert (tmp_path / "real.html").read_bytes() == b"new"
    with (
        pytest.raises(ConfigurationError, match=r"loop cannot be written: Too many levels"),
        written_whole(str(tmp_path / "loop")),
    ):
        pytest.fail("the block was entered")
    assert (tmp_path / "loop").is_symlink()


@needs_root
@pytest.mark.parametrize("output", ["link.html", "own.html"])
def test_a_link_that_somebody_else_planted_is_refused(tmp_path: Path, output: str) -> None:
    """In a shared folder as /tmp it would lead to a file of ours, or to where strangers read."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"old")
    (tmp_path / "link.html").symlink_to("victim")
    os.lchown(tmp_path / "link.html", STRANGER, STRANGER)
    (tmp_path / "own.html").symlink_to("link.html")

    with (
        pytest.raises(ConfigurationError, match=r"html is a link that somebody else made"),
        written_whole(str(tmp_path / output)),
    ):
        pytest.fail("the block was entered")

    assert victim.read_bytes() == b"old"
    assert names(tmp_path) == ["link.html", "own.html", "victim"]


@pytest.mark.parametrize("ending", ["/", "//", "/."])
def test_a_path_that_names_a_folder_is_no_file(tmp_path: Path, ending: str) -> None:
    with (
        pytest.raises(ConfigurationError, match="is a folder; name a file in it"),
        written_whole(f"{tmp_path}/sub{ending}"),
    ):
        pytest.fail("the block was entered")

    assert names(tmp_path) == []


def test_the_longest_name_a_file_can_have_is_written(tmp_path: Path) -> None:
    write(tmp_path / ("x" * 255), b"new")

    assert (tmp_path / ("x" * 255)).read_bytes() == b"new"


def test_what_can_never_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    problems = []
    for output in (tmp_path, tmp_path / "missing" / "out.html", tmp_path / "pipe", "/dev/null"):
        with pytest.raises(ConfigurationError) as caught, written_whole(str(output)):
            pytest.fail("the block was entered")
        problems += [problem.replace(str(tmp_path), "") for problem in caught.value.problems]

    assert problems == [
        " is a folder; name a file in it",
        "the folder of /missing/out.html does not exist",
        "/pipe is not a regular file; - is standard output",
        "/dev/null is not a regular file; - is standard output",
    ]


def test_a_path_that_cannot_even_be_looked_at_is_refused_without_a_traceback(
    tmp_path: Path,
) -> None:
    """Also one in a folder that this user may not enter."""
    long = "x" * 256
    for output, why in (
        (tmp_path / long, "cannot be written: File name too long"),
        (tmp_path / long / "out.html", "cannot be written: File name too long"),
    ):
        with pytest.raises(ConfigurationError, match=why), written_whole(str(output)):
            pytest.fail("the block was entered")


def test_a_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with written_whole("-") as file:
        file.write(b"page")
    file.flush()

    assert capfdbinary.readouterr().out == b"page"
