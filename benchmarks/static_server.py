"""Serves a fleet from disk with nginx: fast enough that the clients are what is measured."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_TIMEOUT_SECONDS = 10.0
INSTALL_TIMEOUT_SECONDS = 180.0

# One process instead of master and worker: ending it ends everything. The key is the folder's name;
# what does not depend on the key is in the folder of everyone.
_CONFIGURATION = """
{user}
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    etag off;
    if_modified_since off;
    keepalive_requests 100000000;
    keepalive_timeout 300s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    add_header X-Polytomic-Version 2025-09-18 always;
    map $http_authorization $key {{
        "~^Bearer (?<sent>[0-9a-f-]+)$" $sent;
        default unknown;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {folder}/answers;
        error_page 401 /unauthorized.json;
        location = /api/me {{ try_files /$key/me.json =401; }}
        location = /api/connections {{ try_files /$key/connections.json =401; }}
        location ~ ^/api/(?<path>[a-z0-9_/]+)$ {{
            try_files /$key/$path.json /everyone/$path.json =401;
        }}
        location = /unauthorized.json {{ internal; root {folder}; }}
        location = /served {{ stub_status; }}
    }}
}}
"""


class StaticServer:
    """A running nginx; ``serve`` says whose answers it hands out."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.base_url = f"http://127.0.0.1:{port}"
        self._asked = 0

    def serve(self, answers: Path) -> None:
        """Hand out these answers from the next request on."""
        link = self._folder / "next"
        link.symlink_to(answers)
        link.replace(self._folder / "answers")

    def served(self) -> int:
        """How many requests were answered so far, this one not counted, as nginx counts them."""
        with urllib.request.urlopen(self.base_url + "/served", timeout=5) as answer:  # noqa: S310 - our own loopback address
            _active, _accepted, _handled, requests, *_ = re.findall(rb"\d+", answer.read())
        self._asked += 1
        return int(requests) - self._asked


@contextmanager
def running(answers: Path) -> Iterator[StaticServer]:
    """A server on a free port of 127.0.0.1, handing out these answers; ended on leaving."""
    nginx = find_nginx()
    with tempfile.TemporaryDirectory(prefix="benchmark-nginx-") as name:
        folder = Path(name)
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, user=user))
        (folder / "unauthorized.json").write_text('{"message":"Unauthorized","status":401}')
        server = StaticServer(folder, port)
        server.serve(answers)
        command = [nginx, "-p", name, "-e", f"{name}/error.log", "-c", str(configuration)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            _wait_until_it_answers(server, process)
            yield server
        finally:
            _end(process)


def find_nginx() -> str:
    """Path of nginx; root gets it installed where Debian's ``apt-get`` is, others are told how."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
    nginx = shutil.which("nginx", path=path)
    if nginx is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install_nginx()
        nginx = shutil.which("nginx", path=path)
    if nginx is None:
        raise SystemExit("The benchmark needs nginx: apt-get install nginx-light")
    return nginx


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _install_nginx() -> None:
    # RUNLEVEL=1 keeps the package from starting a server of its own on port 80.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light"]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(
            command,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=INSTALL_TIMEOUT_SECONDS,
        )


def _wait_until_it_answers(server: StaticServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError):
            server.served()
            return
        time.sleep(0.02)
    raise SystemExit("nginx did not start; its messages are above")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
