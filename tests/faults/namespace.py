"""A network of a test's own: a namespace whose addresses, packets and names the test decides.

The simulated host stays in the test's process; only the socket it listens on is made in there. The
command enters with ``wrapper``, and reaches Postgres by its Unix socket, which no namespace hides.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import secrets
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
NAMESERVER = "192.0.2.53"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace in which only loopback is up, and every address is put there."""

    name: str

    @property
    def wrapper(self) -> tuple[str, ...]:
        """Runs a command in here; files of /etc that ``write`` made are in place there."""
        return ("ip", "netns", "exec", self.name)

    def command(self, line: str) -> str:
        """Runs words separated by blanks, such as ``ip addr add … dev lo``; gives its output."""
        done = subprocess.run(
            [*self.wrapper, *line.split()], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def filter(self, *rules: str) -> None:
        """Replaces the rules that packets on their way to loopback obey, in nftables' language."""
        lines = ["flush ruleset", "table inet faults {", "chain out {"]
        lines += ["type filter hook output priority 0;", *rules, "}", "}"]
        subprocess.run(
            [*self.wrapper, "nft", "-f", "-"], input="\n".join(lines), check=True, text=True
        )

    def counted(self) -> list[int]:
        """Packets that met each rule with ``counter``, in order."""
        words = self.command("nft list ruleset").split()
        return [int(words[i + 1]) for i, word in enumerate(words) if word == "packets"]

    def write(self, name: str, text: str) -> None:
        """Makes ``/etc/name`` another file for commands in here."""
        (_etc(self.name) / name).write_text(text)

    def make(self, make: Callable[[], T]) -> T:
        """What ``make`` gives when called in here; sockets keep belonging here."""

        def enter() -> T:
            with Path("/run/netns", self.name).open() as namespace:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            return make()

        with ThreadPoolExecutor(1) as threads:  # a thread of its own, which ends in there
            return threads.submit(enter).result()

    def names(self) -> socket.socket:
        """The socket on which names are asked for; point commands to it."""
        self.write("resolv.conf", f"nameserver {NAMESERVER}\noptions timeout:1 attempts:1\n")
        self.write("nsswitch.conf", "hosts: files dns\n")
        self.write("hosts", "127.0.0.1 localhost\n")
        self.command(f"ip addr add {NAMESERVER}/32 dev lo")

        def bind() -> socket.socket:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((NAMESERVER, 53))
            sock.setblocking(False)
            return sock

        return self.make(bind)

    def tunnel(self, address: str, other: str) -> int:
        """The descriptor of all packets between ``address``, which is in here, and ``other``."""

        def open_tunnel() -> int:
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            request = struct.pack("16sH22x", b"far", _IFF_TUN_WITHOUT_HEADER)
            fcntl.ioctl(descriptor, _TUNSETIFF, request)
            return descriptor

        descriptor = self.make(open_tunnel)
        self.command(f"ip addr add {address} peer {other} dev far")
        self.command("ip link set far up")
        return descriptor


def _etc(name: str) -> Path:
    return Path("/etc/netns", name)


@contextmanager
def namespace() -> Iterator[Namespace]:
    name = f"aggregator-{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        _etc(name).mkdir(parents=True)
        made = Namespace(name)
        made.command("ip link set lo up")
        yield made
    finally:
        shutil.rmtree(_etc(name), ignore_errors=True)
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def far_apart(one: int, other: int, *, seconds: float, lost: Callable[[], bool]) -> Iterator[None]:
    """Carries packets between two tunnels, each ``seconds`` late, but those that are lost."""
    loop = asyncio.get_running_loop()

    def carry(source: int, target: int) -> None:
        packet = os.read(source, 65536)
        if not lost():
            loop.call_later(seconds, os.write, target, packet)

    loop.add_reader(one, carry, one, other)
    loop.add_reader(other, carry, other, one)
    try:
        yield
    finally:
        for descriptor in (one, other):
            loop.remove_reader(descriptor)
            os.close(descriptor)
