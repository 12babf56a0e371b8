"""What each command does, one file a command; each gives the exit code."""

from aggregator.commands.check import check
from aggregator.commands.migrate import migrate
from aggregator.commands.status import status
from aggregator.commands.sync import sync
from aggregator.wiring import loop_factory

__all__ = ["check", "loop_factory", "migrate", "status", "sync"]
