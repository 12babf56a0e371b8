"""What people see: a progress bar on a terminal, and tables; nothing of it with ``--json``."""

from aggregator.terminal.check import print_check
from aggregator.terminal.explanation import print_explanation
from aggregator.terminal.grants import print_grants
from aggregator.terminal.progress import progress
from aggregator.terminal.pruning import print_pruning
from aggregator.terminal.run import print_summary
from aggregator.terminal.status import print_status

__all__ = [
    "print_check",
    "print_explanation",
    "print_grants",
    "print_pruning",
    "print_status",
    "print_summary",
    "progress",
]
