"""The embedded Postgres for people: ``python -m aggregator.embedded start|stop|url|psql DATA_DIR``.

``start`` and ``url`` both start it where needed and print its address; ``psql`` opens it.
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
    options = parser.parse_args()
    try:
        if options.action == "stop":
            return _say("stopped" if stop(options.data_dir) else "was not running")
        server = start(options.data_dir)
        if options.action == "psql":
            psql = program("psql")
            os.execv(psql, [str(psql), server.dsn])  # noqa: S606 no shell, on purpose
        return _say(server.tcp_url)
    except RunError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
