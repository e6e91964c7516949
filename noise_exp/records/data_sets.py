"""On which images runs were measured: between two sets of them no errors compare."""

import math
from collections.abc import Hashable, Sequence

from noise_exp.records.naming import name_methods
from noise_exp.records.record import Record

# Keys that change neither which images there are nor, but for their scale, what they show.
_SCALE = "data.pixel_divisor"
_NO_IMAGES = ("data.test_size", "data.validation_size", _SCALE)

Place = tuple[str, tuple[tuple[str, str], ...]]


def name_data_sets(records: Sequence[Record]) -> list[str]:
    """Name what each run was measured on; empty where that is not known.

    Two runs have the same name if they were measured on equally many images of the same set. The
    digest tells sets apart, and where a run has none, what was set. The scale of the pixels is in
    the digest too, but belongs to the method: it makes no other set.
    """
    same = _same(records)
    sets: dict[Hashable, list[Record]] = {}
    for record in records:
        sets.setdefault(_identity(record, same), []).append(record)
    names: dict[Hashable, str] = {None: ""}
    for key, members in sets.items():
        alike = [other for k, other in sets.items() if k and _plain(other) == _plain(members)]
        details = _details(members, alike) if len(alike) > 1 else []
        names.setdefault(key, f"{', '.join([_plain(members), *details])})")
    return [names[_identity(record, same)] for record in records]


def name_methods_of(records: Sequence[Record]) -> list[str]:
    """Name the runs' methods; where files changed between runs, by the files' digest too."""
    changed = {place for place, scales in _digests(records).items() if _changed(scales)}
    return name_methods(
        [
            {**r.params, "data.digest": _short(r)} if _place(r) in changed else r.params
            for r in records
        ]
    )


def _place(record: Record) -> Place:
    """Return where the images are from, as it was set."""
    keys = [
        item
        for item in sorted(record.params.items())
        if item[0].startswith("data.") and item[0] not in _NO_IMAGES
    ]
    return record.params.get("data", "?"), tuple(keys)


def _digests(records: Sequence[Record]) -> dict[Place, dict[str, set[str]]]:
    """Return the digests of each place, by scale."""
    found: dict[Place, dict[str, set[str]]] = {}
    for r in records:
        if r.data_digest:
            scales = found.setdefault(_place(r), {})
            scales.setdefault(r.params.get(_SCALE, ""), set()).add(r.data_digest)
    return found


def _changed(scales: dict[str, set[str]]) -> bool:
    """Whether a place did not always hold the same images."""
    return any(len(digests) > 1 for digests in scales.values())


def _same(records: Sequence[Record]) -> dict[str | Place, frozenset[str]]:
    """Return the digests of one set, by each of them, and by each place that holds no other."""
    same: dict[str | Place, frozenset[str]] = {}
    known = _digests(records)
    for scales in known.values():
        digests = frozenset().union(*scales.values())
        for one in [{d} for d in digests] if _changed(scales) else [digests]:
            merged = frozenset(one).union(*(same[d] for d in one if d in same))
            same |= dict.fromkeys(merged, merged)
    for place, scales in known.items():
        if not _changed(scales):
            same[place] = same[next(iter(next(iter(scales.values()))))]
    return same


def _identity(record: Record, same: dict[str | Place, frozenset[str]]) -> Hashable:
    """Return what is equal for runs on the same images; None where that is not known."""
    if not math.isfinite(record.images):
        return None
    place = _place(record)
    return same.get(record.data_digest or place, place), record.part, record.images


def _plain(members: Sequence[Record]) -> str:
    options = sorted({r.params.get("data", "?") for r in members})
    return f"{' or '.join(options)} ({members[0].images:g} {members[0].part} images"


def _details(members: Sequence[Record], alike: Sequence[Sequence[Record]]) -> list[str]:
    """Say what tells a set from others of its option and size: what was set, else the digest."""

    def values(of: Sequence[Record], key: str) -> str:
        return " or ".join(sorted({r.params.get(key, "?") for r in of}))

    keys = {key for of in alike for r in of for key, _ in _place(r)[1]}
    telling = [k for k in sorted(keys) if len({values(of, k) for of in alike}) > 1]
    settings = [[f"{k.removeprefix('data.')}={values(of, k)}" for k in telling] for of in alike]
    own = [f"{k.removeprefix('data.')}={values(members, k)}" for k in telling]
    return own if settings.count(own) == 1 else [*own, f"digest {_short(members[0])}"]


def _short(record: Record) -> str:
    return record.data_digest[:8] if record.data_digest else "unknown"
