"""What a snapshot changes, and which missing rows may be removed: pure decisions over values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256  # processors have it: it is faster than BLAKE2
from operator import itemgetter

from orjson import dumps

from aggregator.model import Record
from aggregator.scope import Known

DIGEST_SIZE = 16
AGREEING_RUNS = 2
"""Further complete runs that must agree before a withheld row is removed by itself."""


def bytes_digest(bodies: Iterable[bytes], version: int) -> bytes:
    """16 bytes over an answer as it came, and over the version of the normalizer."""
    digest = sha256(version.to_bytes(4, "big"))
    for body in bodies:
        digest.update(body)
        digest.update(b"\x00")
    return digest.digest()[:DIGEST_SIZE]


def content_hash(record: Record) -> bytes:
    """16 bytes over the tracked values of a record."""
    return sha256(dumps(record.values)).digest()[:DIGEST_SIZE]


def tracked_digest(hashes: Mapping[str, bytes]) -> bytes:
    """16 bytes over ids and content hashes, whatever their order."""
    ids = sorted(hashes)
    everything = dumps(ids) + b"".join(map(hashes.__getitem__, ids))
    return sha256(everything).digest()[:DIGEST_SIZE]


def readings_digest(records: Iterable[Record]) -> bytes:
    """16 bytes over the readings of all records that report any, whatever their order."""
    reported = [(record.id, record.reading) for record in records if record.reading is not None]
    reported.sort(key=itemgetter(0))
    return sha256(dumps(reported)).digest()[:DIGEST_SIZE]


@dataclass(frozen=True, slots=True)
class RemovalRules:
    """When missing rows may be removed; ``limit_*`` must both be passed to withhold."""

    limit_fraction: float
    limit_rows: int
    accept: bool = False
    """A person looked at what is withheld and lets it go."""


@dataclass(frozen=True, slots=True)
class Removals:
    """What happens to missing rows: ids that go, and ids that stay with the reason."""

    removed: tuple[str, ...]
    withheld: dict[str, str]


def decide_removals(
    known: Mapping[str, Known],
    seen: Iterable[str],
    rules: RemovalRules,
    *,
    doubt: str | None,
) -> Removals:
    """Splits the known rows that a complete answer did not contain into removed and withheld.

    ``doubt`` is a reason not to believe the absence at all, such as a key with other rights than
    last time. Whatever the reason, a row goes once ``AGREEING_RUNS`` further complete runs agree,
    and not before, also where the reason itself is gone by then.
    """
    present = set(seen)
    missing = sorted(key for key in known if key not in present)
    reason = doubt
    if reason is None and missing and not present:
        reason = "the answer is empty"
    if (
        reason is None
        and len(missing) > rules.limit_rows
        and len(missing) > rules.limit_fraction * len(known)
    ):
        reason = f"{len(missing)} of {len(known)} rows are missing at once"
    if rules.accept:
        return Removals(tuple(missing), {})
    withheld: dict[str, str] = {}
    for key in missing:
        row = known[key]
        if row.missing_runs < AGREEING_RUNS and (reason is not None or row.missing_runs > 0):
            withheld[key] = reason or row.withheld_because
    return Removals(tuple(key for key in missing if key not in withheld), withheld)


def unique(records: Sequence[Record]) -> tuple[dict[str, Record], int]:
    """Records by id, the last one of an id winning, and how many ids came with other content."""
    found = {record.id: record for record in records}
    conflicts = 0
    if len(found) == len(records):  # as nearly always
        return found, conflicts
    found.clear()
    for record in records:
        earlier = found.get(record.id)
        if earlier is not None and earlier != record:
            conflicts += 1
        found[record.id] = record
    return found, conflicts
