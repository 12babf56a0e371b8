"""The embedded Postgres, behind an optional extra.

The extra ``local`` brings Postgres as a wheel of binaries; this package starts and stops it for the
demo, the tests and a first look. A deployment sets ``AGGREGATOR_DATABASE_URL`` instead.

The server keeps running between commands, so that BI tools stay connected; ``stop`` ends it.
All that it owns lies in ``DATA_DIR/postgres``, closed to other users: the cluster, its port, the
password file for TCP, the log and the Unix socket. Linux and macOS only.

For people: ``python -m aggregator.embedded start|stop|url|psql DATA_DIR``.
"""

from aggregator.embedded.binaries import is_installed
from aggregator.embedded.server import Server, start, status, stop

__all__ = ["Server", "is_installed", "start", "status", "stop"]
