"""Tells an incident of the API from what happens to single organizations."""

from __future__ import annotations

from collections import defaultdict


class AuthIncident:
    """Tells an incident of the API's authentication from keys that were revoked one by one.

    Of ``worked_before`` organizations, those whose keys worked last time, at least a fifth must be
    refused now, after at least 10 of them answered (fault B3). One resource that is refused is
    enough to count: a key that is dead is so everywhere. Who was refused last time is told to a
    person already, and does not stop the next run as well.
    """

    SHARE = 0.20
    FEWEST_ANSWERS = 10

    def __init__(self, worked_before: int) -> None:
        self._worked_before = worked_before
        self._answered: set[str] = set()
        self._refused: set[str] = set()

    def record(self, organization: str, *, worked_before: bool, unauthorized: bool) -> None:
        """Takes in one organization's answer; keys that did not work before are noise."""
        if worked_before:
            self._answered.add(organization)
            if unauthorized:
                self._refused.add(organization)

    @property
    def active(self) -> bool:
        """From the moment this is true, nothing more is to be asked in this run."""
        return len(self._answered) >= self.FEWEST_ANSWERS and len(self._refused) >= max(
            1, self.SHARE * self._worked_before
        )

    @property
    def headline(self) -> str | None:
        """One sentence for the summary; None where there is no incident."""
        if not self.active:
            return None
        return (
            f"auth incident? {len(self._refused)} of {self._worked_before} keys that worked in the "
            "last run are refused now; stopped asking, nothing was removed"
        )


class FleetIncident:
    """Notices that many organizations at once went empty, or are refused, that worked last time.

    One organization may be emptied or its key revoked on any day; more than 1% of a fleet, and at
    least 10, is the API's trouble more likely than ours: then no absence is believed (fault D1).
    """

    SHARE = 0.01
    FEWEST = 10

    def __init__(self, organizations: int) -> None:
        self._organizations = organizations
        self._emptied: dict[str, set[str]] = defaultdict(set)
        self._refused: dict[str, set[str]] = defaultdict(set)

    def record(self, organization: str, resource: str, *, emptied: bool, refused: bool) -> None:
        """Takes in how a resource of an organization ended that was complete in its last run."""
        if emptied:
            self._emptied[resource].add(organization)
        if refused:
            self._refused[resource].add(organization)

    @property
    def active(self) -> bool:
        return self._worst is not None

    @property
    def _worst(self) -> str | None:
        """The resource with the most suspects, where they are too many; None: they are not."""
        suspects = {
            resource: len(self._emptied[resource] | self._refused[resource])
            for resource in sorted(self._emptied.keys() | self._refused.keys())
        }
        worst = max(suspects, key=suspects.__getitem__, default="")
        most = suspects.get(worst, 0)
        is_too_many = most >= self.FEWEST and most > self.SHARE * self._organizations
        return worst if is_too_many else None

    @property
    def headline(self) -> str | None:
        """One sentence for the summary; None where there is no incident."""
        worst = self._worst
        if worst is None:
            return None
        return (
            f"incident? of {self._organizations} organizations {len(self._emptied[worst])}"
            f" went empty and {len(self._refused[worst])} are refused that worked last time"
            f" ({worst}): nothing was removed anywhere"
        )
