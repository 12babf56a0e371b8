"""What a snapshot changes, and which missing rows may be judged: pure decisions over values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256  # processors have it: it is faster than BLAKE2
from operator import itemgetter
from typing import NamedTuple

from orjson import dumps

from aggregator.model import Record
from aggregator.scope import UNPROVEN, Known, Vouching

UNVOUCHED = "the key's rights are not those with which it was seen"
SILENT = "the server says nothing of what belongs to its connection"
DIGEST_SIZE = 16
AGREEING_RUNS = 1
"""Earlier complete runs that must have missed a row too where one alone is not believed."""


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
    """When missing rows may be judged; ``limit_*`` must both be passed to withhold."""

    limit_fraction: float
    limit_rows: int
    accept: bool = False
    """A person looked at what earlier runs withheld and lets it go."""
    provable: bool = True
    """Rows can be read one by one; else a loss needs a run that agrees."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Rows of which the server would not say anything, with the reason to keep them for that."""


class Missing(NamedTuple):
    """Rows that an answer did not contain: ids that may go if that is proven, and ids that stay."""

    candidates: tuple[str, ...]
    accepted: frozenset[str]
    """Those of the candidates that a person lets go."""
    withheld: dict[str, str]
    """The reason why a row stays, by id."""


def judge_missing(
    known: Mapping[str, Known],
    seen: Iterable[str],
    rules: RemovalRules,
    *,
    doubt: str | None,
    vouching: Vouching | None,
) -> Missing:
    """Splits the known rows that an answer did not contain by whether they may be removed at all.

    ``doubt`` is a reason not to believe the absence, such as a key with other rights than before;
    it holds until it is gone. ``vouching`` tells rows that were seen with the rights of now; the
    others are doubted, too. An empty answer, a loss past both limits, and every loss where rows
    are not ``provable`` one by one are believed once ``AGREEING_RUNS`` earlier complete runs agree.
    What a person accepts is limited to what an earlier run withheld.
    """
    present = set(seen)
    missing = sorted(key for key in known if key not in present)
    reason = doubt or _too_much(len(missing), known, present, rules)
    if reason is None and not rules.provable:
        reason = UNPROVEN
    accepted = frozenset(key for key in missing if rules.accept and known[key].withheld_because)
    withheld = {}
    for key in missing:
        row = known[key]
        if doubt is None and not (vouching and vouching.covers(row)):
            withheld[key] = UNVOUCHED
        elif doubt is None and key in rules.silent:
            withheld[key] = rules.silent[key]
        elif reason is not None and (doubt is not None or row.missing_runs < AGREEING_RUNS):
            withheld[key] = reason
    for key in accepted:
        withheld.pop(key, None)
    return Missing(tuple(key for key in missing if key not in withheld), accepted, withheld)


def _too_much(
    missing: int, known: Mapping[str, Known], present: set[str], rules: RemovalRules
) -> str | None:
    if not present:
        return "the answer is empty"
    if missing > rules.limit_rows and missing > rules.limit_fraction * len(known):
        return f"{missing} of {len(known)} rows are missing at once"
    return None


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
