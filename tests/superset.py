"""``make try-superset``: the dashboard of ``deploy/superset`` in a Superset of its own.

A month of the demonstration's fleet, the embedded Postgres and Superset live in a temporary folder;
all of it is gone when this ends. ``--check`` ends after reading every chart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from aggregator import embedded
from aggregator.embedded.binaries import program
from aggregator.migrate import migrate
from tests.databases import server_folder
from tests.month import live_a_month

ROOT = Path(__file__).resolve().parent.parent
EXPORT = ROOT / "deploy" / "superset" / "polytomic_fleet"
PROGRAMS = ROOT / ".venv-superset" / "bin"
START_SECONDS = 120


def main() -> int:
    parser = argparse.ArgumentParser(prog="make try-superset")
    parser.add_argument("--check", action="store_true", help="end when every chart was read")
    options = parser.parse_args()
    logging.disable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with demonstration() as uri, tempfile.TemporaryDirectory() as home:
        superset = Superset(Path(home), _free_port(), secrets.token_urlsafe(12))
        superset.create()
        superset.add(uri)
        with superset.running():
            empty = superset.read_charts()
            if options.check:
                return 1 if empty else 0
            print(
                f"\n  {superset.url}/superset/dashboard/polytomic-fleet/\n"
                f"  user admin, password {superset.password}\n\nCtrl-C ends it.",
                flush=True,
            )
            with suppress(KeyboardInterrupt):
                signal.pause()
    return 0


@contextmanager
def demonstration() -> Iterator[str]:
    """The SQLAlchemy URI of a database that BI tools may read, with the password in it."""
    folder = server_folder("superset_")
    try:
        print("a month of the demonstration's fleet (half a minute) …", flush=True)
        server = embedded.start(folder, durable=False)
        asyncio.run(migrate(server.dsn))
        asyncio.run(live_a_month(server.dsn))
        password = secrets.token_urlsafe(12)
        login = ROOT / "deploy" / "reporting-login.sql"
        subprocess.run(
            [program("psql"), "-X", "-q", "-f", login, server.dsn],
            env={"REPORTING_PASSWORD": password},
            check=True,
        )
        parts = urlsplit(server.tcp_url)
        yield (
            f"postgresql+psycopg2://reporting:{quote(password)}"
            f"@{parts.hostname}:{parts.port}{parts.path}"
        )
    finally:
        embedded.stop(folder)
        subprocess.run(["rm", "-r", folder], check=True)


@dataclass(frozen=True, slots=True)
class Superset:
    """One that nobody else can reach or log in to, with all it keeps in ``home``."""

    home: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def create(self) -> None:
        print("Superset's own database (a minute) …", flush=True)
        (self.home / "superset_config.py").write_text(
            f"SECRET_KEY = {secrets.token_urlsafe(42)!r}\n"
            f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{self.home}/superset.db'\n"
            "TALISMAN_ENABLED = False\n"  # it is reached without TLS, on this machine only
        )
        self._run("db", "upgrade")
        names = ("--username=admin", "--firstname=Local", "--lastname=Admin", "--email=admin@local")
        self._run("fab", "create-admin", *names)
        self._run("init")

    def add(self, uri: str) -> None:
        """Imports the export, with the address of our database in place of the one in it."""
        print("importing the dashboard …", flush=True)
        archive = self.home / "export.zip"
        with zipfile.ZipFile(archive, "w") as zipped:
            for file in sorted(EXPORT.rglob("*.yaml")):
                text = file.read_text()
                if file.parent.name == "databases":
                    [line] = [each for each in text.splitlines() if "sqlalchemy_uri:" in each]
                    text = text.replace(line, f"sqlalchemy_uri: {json.dumps(uri)}")
                zipped.writestr(str(file.relative_to(EXPORT.parent)), text)
        self._run("import-dashboards", "--path", str(archive), "--username", "admin")
        archive.unlink()

    @contextmanager
    def running(self) -> Iterator[None]:
        command = (PROGRAMS / "gunicorn", "--worker-class", "gthread", "--threads", "8")
        address = ("--timeout", "120", "--bind", f"127.0.0.1:{self.port}")
        with (self.home / "log").open("wb") as log:
            server = subprocess.Popen(
                [*command, *address, "superset.app:create_app()"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait()
            yield
        finally:
            server.terminate()
            server.wait()

    def read_charts(self) -> list[str]:
        """The names of the charts without data; each is asked for it as a report of it would."""
        user = {"username": "admin", "password": self.password, "provider": "db"}
        token = self._get("/api/v1/security/login", user)["access_token"]
        charts = self._get("/api/v1/dashboard/polytomic-fleet/charts", token=token)["result"]
        empty = []
        for chart in sorted(charts, key=lambda chart: int(chart["id"])):
            [answer] = self._get(f"/api/v1/chart/{chart['id']}/data/", token=token)["result"]
            rows = len(answer["data"])
            print(f"  {rows:4} rows  {chart['slice_name']}", flush=True)
            if not rows or answer["error"]:
                empty.append(chart["slice_name"])
        print(f"{len(charts)} charts, without data: {', '.join(empty) or 'none'}", flush=True)
        return empty

    def _get(self, path: str, body: object = None, token: str = "") -> Any:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = Request(self.url + path, data, headers)  # noqa: S310 - http, on this machine
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except HTTPError as error:
            raise SystemExit(f"{path}: {error.code} {error.read().decode()[:500]}") from None

    def _wait(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            with suppress(OSError), urlopen(f"{self.url}/health", timeout=30):  # noqa: S310 - as above
                return
            time.sleep(0.5)
        raise SystemExit(f"Superset does not start: {(self.home / 'log').read_text()[-2000:]}")

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [PROGRAMS / "superset", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"superset {' '.join(arguments)}: {done.stdout[-3000:]}")

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{PROGRAMS}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "PYTHONPATH": str(self.home),
            "SUPERSET_CONFIG_PATH": str(self.home / "superset_config.py"),
            "FLASK_APP": "superset.app:create_app()",
            "FLASK_FAB_CREATE_ADMIN_PASSWORD": self.password,  # no argument, which others could see
        }


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
