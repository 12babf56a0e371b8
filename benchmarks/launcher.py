"""Runs one command and writes down what it cost: ``launcher.py REPORT STDOUT STDERR COMMAND…``.

A process of its own, because a child's peak memory starts at that of whoever started it: this one
imports next to nothing. Clock readings are ``time.monotonic``, the same for all processes.
"""

import os
import sys
import time

report, stdout, stderr, *command = sys.argv[1:]
create = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
started_at = time.monotonic()
process = os.posix_spawn(
    command[0],
    command,
    os.environ,
    file_actions=[
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, create, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, create, 0o600),
    ],
)
_, status, usage = os.wait4(process, 0)
ended_at = time.monotonic()
peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
fields = (
    f'"exit_code": {os.waitstatus_to_exitcode(status)}',
    f'"started_at": {started_at}',
    f'"ended_at": {ended_at}',
    f'"process_cpu_seconds": {usage.ru_utime + usage.ru_stime}',
    f'"peak_bytes": {peak_bytes}',
)
with open(report, "w") as file:  # noqa: PTH123 - pathlib would cost as much memory as all the rest
    file.write("{" + ", ".join(fields) + "}")
