"""The embedded Postgres for people: ``python -m aggregator.embedded start|stop|url|psql DATA_DIR``.

``start`` and ``url`` both start it where needed and print its address; ``psql`` opens it, and takes
arguments of psql after the folder, such as ``-c "select 1"``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from aggregator.embedded import start, stop
from aggregator.embedded.binaries import program
from aggregator.errors import RunError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m aggregator.embedded", description="Handles the embedded Postgres."
    )
    parser.add_argument("action", choices=["start", "stop", "url", "psql"])
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="for psql, as psql takes them"
    )
    options = parser.parse_args()
    if options.arguments and options.action != "psql":
        parser.error(f"{options.action} takes no more than a folder")
    try:
        if options.action == "stop":
            return _say("stopped" if stop(options.data_dir) else "was not running")
        server = start(options.data_dir)
        if options.action == "psql":
            psql = program("psql")
            # By its option, else what follows would be taken for a user's name.
            command = [str(psql), "--dbname", server.dsn, *options.arguments]
            os.execv(psql, command)  # noqa: S606 no shell, on purpose
        return _say(server.tcp_url)
    except RunError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
