"""The worked questions, and who asks them: a login as BI tools have it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.command import ROOT
from tests.stored import Row

FOLDER = ROOT / "docs/queries"
FILES = sorted(FOLDER.glob("*.sql"))


@dataclass(frozen=True, slots=True)
class Asking:
    connection: asyncpg.Connection[asyncpg.Record]
    role: str

    async def ask(self, name: str, **replaced: str) -> list[Row]:
        """The answer to the one question whose file is called ``NN-name.sql``; of its text, names
        of ``replaced`` give way to values, as an analyst edits it.
        """
        [file] = [each for each in FILES if each.stem[3:] == name]
        text = file.read_text(encoding="utf-8")
        for old, new in replaced.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return [dict(row) for row in await self.fetch(text)]

    async def fetch(self, statement: str) -> list[asyncpg.Record]:
        await self.connection.execute(f"set session authorization {self.role}")
        try:
            return await self.connection.fetch(statement)
        finally:
            await self.connection.execute("reset session authorization")


@asynccontextmanager
async def asking(connection: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[Asking]:
    """The login is gone afterwards."""
    role = f"bi_{secrets.token_hex(6)}"  # roles are the whole server's
    await connection.execute(f"create role {role} login in role reporting_reader")
    try:
        yield Asking(connection, role)
    finally:
        await connection.execute(f"drop role {role}")
