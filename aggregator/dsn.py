"""What a Postgres connection string says of where it leads, and how that server is to prove itself.

asyncpg reads the string itself; here is only what it would decide otherwise: to another machine it
would go without TLS where the server offers none, and believe any certificate.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from aggregator.errors import ConfigurationError

VERIFIED: Final = "verify-full"
SYSTEM = "system"
"""The value of ``sslrootcert`` that stands for the CAs of this machine, as for libpq."""
CHOICE = (
    "another machine's Postgres must prove who it is: sslrootcert=FILE in AGGREGATOR_DATABASE_URL"
    " names its CA, sslmode=require there asks for encryption only, sslmode=disable for nothing"
)


def address(dsn: str) -> str:
    """Host and port of a DSN, as far as it names them; never its user or password."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'local socket'}{f':{parts.port}' if parts.port else ''}"


def has_password(dsn: str) -> bool:
    """Whether a URL holds a password; one that cannot be understood may."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return True
    options = dict(parse_qsl(parts.query))
    return bool(parts.password or options.get("password") or options.get("sslpassword"))


def verification(
    dsn: str, environment: Mapping[str, str]
) -> ssl.SSLContext | Literal["verify-full"] | None:
    """What asyncpg needs as ``ssl`` so that the server must prove to be the host asked for.

    None where asyncpg is to do as the DSN or the environment say, and on this machine, where they
    say nothing. CAs are those that are named, or this machine's, for which asyncpg has no word.

    Raises ``ConfigurationError`` where a named file cannot be read.
    """
    options = dict(parse_qsl(urlsplit(dsn).query))
    mode = options.get("sslmode") or environment.get("PGSSLMODE")
    if mode not in {None, "", VERIFIED}:
        return None
    if not mode and all(map(is_local, hosts(dsn, environment))):
        return None
    authority = options.get("sslrootcert") or environment.get("PGSSLROOTCERT") or _own_authority()
    files = [authority] if authority and authority != SYSTEM else []
    files += [options[name] for name in ("sslcert", "sslkey") if name in options]
    if unreadable := [name for name in files if not os.access(name, os.R_OK)]:
        raise ConfigurationError([f"no certificate can be read from {unreadable[0]}"])
    if authority and authority != SYSTEM:
        return VERIFIED
    context = ssl.create_default_context()
    if "sslcert" in options:
        context.load_cert_chain(
            options["sslcert"], options.get("sslkey"), options.get("sslpassword", "")
        )
    return context


def _own_authority() -> str | None:
    """Where libpq and asyncpg look, if it is there."""
    try:
        file = Path.home() / ".postgresql" / "root.crt"
    except RuntimeError:  # no home
        return None
    return str(file) if file.exists() else None


def hosts(dsn: str, environment: Mapping[str, str]) -> list[str]:
    """Every host that may be tried; none stands for the sockets of this machine.

    A service's file may name any host: it counts as another machine.
    """
    parts = urlsplit(dsn)
    options = dict(parse_qsl(parts.query))
    listed = unquote(parts.netloc.rpartition("@")[2]) or options.get("host", "")
    if not listed and ("service" in options or environment.get("PGSERVICE")):
        return [options.get("service") or environment["PGSERVICE"]]
    listed = listed or environment.get("PGHOST", "")
    return [_without_port(host) for host in listed.split(",") if host]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.startswith("/") or host.count(":") > 1 else host.partition(":")[0]


def is_local(host: str) -> bool:
    """Whether it is a socket or a loopback address of this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.startswith("/") or host == "localhost"
