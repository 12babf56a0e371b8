"""The command of a world as a process of its own, in surroundings that a test chooses."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.command import Finished, finished, started_in
from tests.faults.world import World

MOST_SECONDS = 50


def needs_root(*programs: str) -> pytest.MarkDecorator:
    """Skips for others than root, and where a program is missing.

    Not where ``CI`` is set and root could have installed it: there the test fails, so that nobody
    takes a hole for a pass.
    """
    is_root = os.geteuid() == 0
    missing = [program for program in programs if shutil.which(program) is None]
    may_skip = not (is_root and os.environ.get("CI"))
    return pytest.mark.skipif(
        not is_root or bool(missing and may_skip),
        reason=f"needs {', '.join(missing) or 'root'}",
    )


@asynccontextmanager
async def started(
    world: World,
    *arguments: str,
    wrapper: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    **settings: object,
) -> AsyncIterator[Any]:
    """The running command; ``wrapper`` comes before it, ``variables`` are set beside settings."""
    env = world.environment(**settings) | dict(variables or {})
    async with started_in(world.folder, *arguments, env=env, wrapper=wrapper) as process:
        yield process


async def run(
    world: World,
    *arguments: str,
    wrapper: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    **settings: object,
) -> Finished:
    """What the command came to; see ``started``."""
    async with started(
        world, *arguments, wrapper=wrapper, variables=variables, **settings
    ) as process:
        return await finished(process, MOST_SECONDS)


def registry(world: World, hosts: Mapping[str, str]) -> str:
    """A registry file of organizations by name, each with its key, at the host given."""
    tables = []
    for name, base_url in hosts.items():
        key = world.folder / f"{name}.key"
        key.write_text(world.fleet[name].key)
        key.chmod(0o600)
        tables.append(
            f'[[organization]]\nname = "{name}"\napi_key = "file:{key.name}"\n'
            f'base_url = "{base_url}"\n'
        )
    path = world.folder / "registry.toml"
    path.write_text("\n".join(tables))
    return str(path)
