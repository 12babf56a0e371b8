"""Tells an incident of the API from what happens to single organizations."""

from __future__ import annotations


class AuthIncident:
    """Tells an incident of the API's authentication from keys that were revoked one by one.

    Of ``worked_before`` organizations, those whose last run was complete, at least a fifth must be
    refused now, after at least 10 of them answered (fault B3).
    """

    SHARE = 0.20
    FEWEST_ANSWERS = 10

    def __init__(self, worked_before: int) -> None:
        self._worked_before = worked_before
        self._answers = 0
        self._refused = 0

    def record(self, *, worked_before: bool, unauthorized: bool) -> None:
        """Takes in one organization's answer; organizations that did not work before are noise."""
        if worked_before:
            self._answers += 1
            self._refused += unauthorized

    @property
    def active(self) -> bool:
        """From the moment this is true, nothing more is to be asked in this run."""
        return (
            self._answers >= self.FEWEST_ANSWERS
            and self._refused >= self.SHARE * self._worked_before
        )

    @property
    def headline(self) -> str | None:
        """One sentence for the summary; None where there is no incident."""
        if not self.active:
            return None
        return (
            f"auth incident? {self._refused} of {self._worked_before} keys that worked in the "
            "last run are refused now; stopped asking, nothing was removed"
        )


class FleetIncident:
    """Notices that many organizations went empty or are refused at once, after working last time.

    One organization may be emptied or its key revoked on any day; more than 1% of a fleet, and at
    least 10, is the API's trouble more likely than ours: then no absence is believed (fault D1).
    """

    SHARE = 0.01
    FEWEST = 10

    def __init__(self, organizations: int) -> None:
        self._organizations = organizations
        self._emptied: set[str] = set()
        self._refused: set[str] = set()

    def record(self, organization: str, *, emptied: bool, refused: bool) -> None:
        """Takes in how a resource of an organization ended that was complete in its last run."""
        if emptied:
            self._emptied.add(organization)
        if refused:
            self._refused.add(organization)

    @property
    def active(self) -> bool:
        suspects = len(self._emptied | self._refused)
        return suspects >= self.FEWEST and suspects > self.SHARE * self._organizations

    @property
    def headline(self) -> str | None:
        """One sentence for the summary; None where there is no incident."""
        if not self.active:
            return None
        return (
            f"incident? of {self._organizations} organizations {len(self._emptied)} went empty and"
            f" {len(self._refused)} are refused that worked last time: nothing was removed anywhere"
        )
