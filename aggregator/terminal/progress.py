"""The progress bar of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.summary import Summary


@contextmanager
def progress() -> Iterator[Callable[[Summary], None]]:
    """A bar on standard error while the block runs, if that is a terminal; else nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 (only where it is shown)
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed  {task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("organizations", total=None, failed=0, rate=0.0)

        def show(summary: Summary) -> None:
            speed = bar.tasks[0].speed or 0.0
            bar.update(
                task,
                total=summary.scopes,
                completed=summary.done,
                failed=summary.failed,
                rate=speed,
            )

        yield show
