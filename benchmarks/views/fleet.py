"""The rows of a fleet that was read for a year, as lines of COPY: the same seed, the same rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson

from benchmarks.connection_types import CONNECTION_TYPES
from benchmarks.views.sizes import Sizes, identifier, mixed

DEPLOYMENT = "app.polytomic.com"
RESOURCES = (
    ("connections", "organization"),
    ("organizations", "organization"),
    ("connection_types", "deployment"),
    ("bulk_syncs", "organization"),
    ("model_syncs", "organization"),
    ("models", "organization"),
)
MOMENTS = 200
"""Transactions into which the changes of one day are spread."""
RUNS = 60
NULL = r"\N"
_NO_ENDPOINT = {"hubspot", "gsheets"}
_CONFIGURATIONS = [orjson.dumps(fields).decode() for _, _, fields in CONNECTION_TYPES]


class Fleet:
    """Rows by table; ``history`` has to be exhausted before ``connections`` is begun."""

    def __init__(self, sizes: Sizes, now: datetime) -> None:
        self.sizes = sizes
        self._now = now
        self._organizations = [identifier(1, n) for n in range(sizes.organizations)]
        self._moments = [
            [
                _text(now - timedelta(days=sizes.days - day, seconds=400 * (moment + 1)))
                for moment in range(MOMENTS)
            ]
            for day in range(sizes.days + 1)
        ]
        self._versions = bytearray(sizes.connections)
        self._since: dict[int, int] = {}
        """Day of the latest change; those without one are as they were first read."""
        self._copies = max(1, sizes.each // 20)
        self._parents = max(1, sizes.organizations // 10)

    # What is there

    def organizations(self) -> Iterator[str]:
        for number, key in enumerate(self._organizations):
            tags = f'{{"team": "team-{number % 40}"}}'
            yield f"org-{number:05}\t{DEPLOYMENT}\t{key}\tOrganization {number}\t{tags}"

    def resources(self) -> Iterator[str]:
        for name, per in RESOURCES:
            yield f"{name}\t{per}\tt"

    def scopes(self) -> Iterator[str]:
        """97% complete in the last hour; of the others some were complete once."""
        read, old = _text(self._now - timedelta(hours=1)), _text(self._now - timedelta(days=3))
        first = self._moments[0][0]
        for number in range(self.sizes.organizations):
            for resource, per in RESOURCES:
                if per == "deployment" and number:
                    continue
                outcome, complete, seen = self._outcome(number), read, read
                if outcome == "timeout":
                    complete, seen = old, old
                elif outcome == "unauthorized":
                    complete, seen = NULL, NULL
                since = first if seen != NULL else NULL
                records = self.sizes.each if resource == "connections" else 5
                yield (
                    f"org-{number:05}\t{resource}\t2160\t{read}\t{outcome}\t{NULL}\t{seen}\t"
                    f"{complete}\t{records}\t0\t{since}\t{seen}"
                )

    def scope_days(self) -> Iterator[str]:
        """Of connections every day; of other resources the last 30, for the sake of time."""
        for day in range(self.sizes.days):
            date = f"{self._now - timedelta(days=self.sizes.days - 1 - day):%Y-%m-%d}"
            recent = day >= self.sizes.days - 30
            for resource, per in RESOURCES if recent else RESOURCES[:1]:
                for number in range(1 if per == "deployment" else self.sizes.organizations):
                    yield f"org-{number:05}\t{resource}\t{date}"

    def history(self) -> Iterator[str]:
        """Closed versions in the order in which a run writes them: day by day."""
        sizes = self.sizes
        rng = random.Random(sizes.seed)  # noqa: S311 - no secret
        count = round(sizes.connections * sizes.changed)
        for day in range(1, sizes.days + 1):
            for number in sorted(rng.sample(range(sizes.connections), count)):
                yield self._closed(number, day)
                self._versions[number] += 1
                self._since[number] = day

    def _closed(self, number: int, day: int) -> str:
        organization, version = number // self.sizes.each, self._versions[number]
        moment = organization % MOMENTS
        since = self._moments[self._since.get(number, 0)][moment]
        change, fields = self._change(number, version)
        return (
            f"connections\t{DEPLOYMENT}\t{self._organizations[organization]}\t"
            f"{identifier(3, number)}\t{since}\t{self._moments[day][moment]}\t{change}\t{fields}\t"
            f"{self._moments[0][moment]}\t{day}\t{self._record(number, version)}"
        )

    def connections(self) -> Iterator[str]:
        for number in range(self.sizes.connections):
            organization, version = divmod(number, self.sizes.each)[0], self._versions[number]
            moment = organization % MOMENTS
            since = self._moments[self._since.get(number, 0)][moment]
            change, fields = self._change(number, version)
            (
                name, type_id, type_name, status, error, endpoint, configuration, parent,
            ) = self._values(number, version)  # fmt: skip
            yield (
                f"{DEPLOYMENT}\t{self._organizations[organization]}\t{identifier(3, number)}\t"
                f"{name}\t{type_id}\t{type_name}\t{{read,write}}\t{status or NULL}\t"
                f"{error or NULL}\t{endpoint or NULL}\tt\t{configuration}\t{{}}\t{parent or NULL}\t"
                f"2025-01-01 00:00:00+00\tJane Doe\t2026-01-0{version % 9 + 1} 00:00:00+00\t"
                f"\\\\x{mixed(4, number, version):032x}\t{change}\t{fields}\t"
                f"{since}\t{self._moments[0][moment]}\t1"
            )

    def readings(self) -> Iterator[str]:
        for number in range(self.sizes.connections):
            if self._reports(number):
                yield self._owned(number, f"{mixed(6, number) % 10_000}\tf")

    def usage_days(self) -> Iterator[str]:
        """A year by day of one connection of each organization, and the last week of the others
        that report.
        """
        days = self.sizes.days
        for number in range(self.sizes.connections):
            if not self._reports(number):
                continue
            is_first = number % self.sizes.each == 0
            for day in range(0 if is_first else days - 7, days):
                date = self._now - timedelta(days=days - 1 - day)
                calls = mixed(6, number, 0 if day == days - 1 else day) % 10_000
                yield self._owned(number, f"{date:%Y-%m-%d}\t{calls}\t{calls}")

    def _reports(self, number: int) -> bool:
        """30% report API calls, and the first of each organization does."""
        return number % self.sizes.each == 0 or mixed(5, number) % 10 < 3  # noqa: PLR2004

    def _owned(self, number: int, values: str) -> str:
        organization = self._organizations[number // self.sizes.each]
        return f"{DEPLOYMENT}\t{organization}\t{identifier(3, number)}\t{values}"

    def bulk_syncs(self) -> Iterator[str]:
        for organization, number, source, destination in self._pairs(5):
            yield (
                f"{DEPLOYMENT}\t{organization}\t{identifier(7, number)}\tBulk sync {number}\tt\t"
                f"{source}\t{destination}\thourly\t\\\\x{number:032x}\t{self._moments[0][0]}\t"
                f"{self._moments[0][0]}\t1"
            )

    def models(self) -> Iterator[str]:
        for organization, number, source, _ in self._pairs(10):
            yield (
                f"{DEPLOYMENT}\t{organization}\t{identifier(8, number)}\tModel {number}\t{source}\t"
                f"{{id,email,name}}\t\\\\x{number:032x}\t{self._moments[0][0]}\t"
                f"{self._moments[0][0]}\t1"
            )

    def model_syncs(self) -> Iterator[str]:
        for organization, number, _, target in self._pairs(5):
            yield (
                f"{DEPLOYMENT}\t{organization}\t{identifier(9, number)}\tModel sync {number}\tt\t"
                f"{{{identifier(8, number * 2)}}}\t{target}\tdaily\t\\\\x{number:032x}\t"
                f"{self._moments[0][0]}\t{self._moments[0][0]}\t1"
            )

    def _pairs(self, each: int) -> Iterator[tuple[str, int, str, str]]:
        """Organization, number, and two of its connections, mostly copies and those it shares."""
        size = self.sizes.each
        for owner, organization in enumerate(self._organizations):
            for place in range(each):
                number = owner * each + place
                first = owner * size + (size - 1 - place % self._copies if place % 2 else 0)
                second = owner * size + mixed(10, number) % size
                yield organization, number, identifier(3, first), identifier(3, second)

    def drift(self) -> Iterator[str]:
        for number in range(self.sizes.organizations):
            for field in ("labels", "type.family", "region")[: mixed(11, number) % 4]:
                yield (
                    f"org-{number:05}\tconnections\tunknown_field\t{field}\t\t"
                    f"{self._moments[0][0]}\t{NULL}"
                )

    def runs(self) -> Iterator[str]:
        """One an hour, as many as have books."""
        counts = (
            f'{{"connections": {{"seen": {self.sizes.connections}, "created": 0, "updated": 400,'
            ' "unchanged": 0, "removed": 0, "restored": 0, "withheld": 0, "rejected": 0}}'
        )
        for number in range(RUNS):
            at = _text(self._now - timedelta(hours=RUNS - number))
            yield f"{identifier(12, number)}\t{at}\t{at}\tpartial\t3\t1\t60\t60000\t0\t{counts}"

    def run_organizations(self) -> Iterator[str]:
        """Of connections: a year of all is what pruning is for."""
        for run in range(RUNS):
            at = _text(self._now - timedelta(hours=RUNS - run))
            for number, organization in enumerate(self._organizations):
                yield (
                    f"{identifier(12, run)}\torg-{number:05}\tconnections\t{organization}\t"
                    f"{self._outcome(number)}\t1\t{at}\t{at}\t{at}"
                )

    @staticmethod
    def _outcome(number: int) -> str:
        luck = mixed(2, number) % 200
        return "timeout" if luck < 5 else "unauthorized" if luck == 199 else "complete"  # noqa: PLR2004

    # What a connection is in one of its versions

    def _values(self, number: int, version: int) -> tuple[str, ...]:
        organization, place = divmod(number, self.sizes.each)
        parent = ""
        origin = number
        if place >= self.sizes.each - self._copies:
            owner = (organization * 7 + place) % self._parents
            origin = owner * self.sizes.each
            parent = identifier(3, origin)
        kind = mixed(13, origin) % len(CONNECTION_TYPES)
        type_id, type_name, _ = CONNECTION_TYPES[kind]
        slug = f"host-{origin:x}" if mixed(14, origin) % 50 else f"warehouse-{origin % 499}"
        endpoint = "" if type_id in _NO_ENDPOINT else f"{slug}.example.com"
        status, error = self._status(number, version), ""
        if status == "unhealthy":
            error = f"connection to {slug} refused"
        configuration = _CONFIGURATIONS[kind] % {"slug": slug, "number": number}
        name = f"{type_name} {mixed(15, number) % 100_000} of team {organization % 40}"
        if version % 4 == 1:
            name += f" ({version})"
        return name, type_id, type_name, status, error, endpoint, configuration, parent

    def _status(self, number: int, version: int) -> str:
        luck = mixed(16, number, version // 2) % 100
        return "unhealthy" if luck < 8 else "" if luck == 99 else "healthy"  # noqa: PLR2004

    def _change(self, number: int, version: int) -> tuple[str, str]:
        if not version:
            return "created", NULL
        if self._status(number, version) != self._status(number, version - 1):
            return "updated", "{status,status_error,updated_at}"
        return "updated", "{name,updated_at}"

    def _record(self, number: int, version: int) -> str:
        (
            name, type_id, type_name, status, error, endpoint, configuration, parent,
        ) = self._values(number, version)  # fmt: skip
        return (
            f'{{"name":"{name}","type_id":"{type_id}","type_name":"{type_name}",'
            f'"operations":["read","write"],"status":{_json(status)},"status_error":{_json(error)},'
            f'"endpoint":{_json(endpoint)},"saved":true,"configuration":{configuration},'
            f'"policies":[],"parent_connection_id":{_json(parent)},'
            f'"created_at":"2025-01-01T00:00:00+00:00","created_by_name":"Jane Doe",'
            f'"updated_at":"2026-01-0{version % 9 + 1}T00:00:00+00:00","extra":null}}'
        )


def _json(text: str) -> str:
    return f'"{text}"' if text else "null"


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S+00}"
