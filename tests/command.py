"""Runs ``python -m aggregator`` as a person would, with nothing of this process's surroundings."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str


class RunCommand(Protocol):
    """``env`` holds the ``AGGREGATOR_*`` variables to set; ``cwd`` is the test's own folder."""

    async def __call__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_seconds: float = 30,
    ) -> Finished: ...


async def run_in(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_seconds: float = 30,
) -> Finished:
    """The finished command; killed and a failure of the test after ``timeout_seconds``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aggregator",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd or folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            **(env or {}),
        },
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        raise AssertionError(f"{arguments} did not end in {timeout_seconds} seconds") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), stderr.decode())
