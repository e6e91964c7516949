"""On which images runs were measured: between two sets of them no errors compare."""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

from noise_exp.records.naming import name_methods
from noise_exp.records.record import Record

# Keys of data that do not change which images there are.
_NO_IMAGES = ("data.test_size", "data.validation_size", "data.pixel_divisor")


def name_data_sets(records: Sequence[Record]) -> list[str]:
    """Name what each run was measured on; empty where that is not known.

    Two runs have the same name if they were measured on equally many images of the same set. The
    digest tells sets apart; a run without one is on the set of the others that were set like it,
    if these are on one.
    """
    places = _digests(records)
    sets: dict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        sets[_identity(record, places)].append(record)
    names: dict[Hashable, str] = {None: ""}
    for key, members in sets.items():
        alike = [other for k, other in sets.items() if k and _plain(other) == _plain(members)]
        details = _details(members, alike) if len(alike) > 1 else []
        names.setdefault(key, f"{', '.join([_plain(members), *details])})")
    return [names[_identity(record, places)] for record in records]


def name_methods_of(records: Sequence[Record]) -> list[str]:
    """Name the runs' methods; where files changed between runs, by the files' digest too."""
    places = _digests(records)
    return name_methods(
        [
            {**r.params, "data.digest": _short(r)} if len(places[_place(r)]) > 1 else r.params
            for r in records
        ]
    )


def _place(record: Record) -> tuple[tuple[str, str], ...]:
    """Return where the images are from, as it was set."""
    return tuple(
        (key, value)
        for key, value in sorted(record.params.items())
        if key == "data" or (key.startswith("data.") and key not in _NO_IMAGES)
    )


def _digests(records: Sequence[Record]) -> dict[Hashable, set[str]]:
    """Return the digests of each place: several where its files changed between runs."""
    found: dict[Hashable, set[str]] = defaultdict(set)
    for record in records:
        found[_place(record)] |= {record.data_digest} if record.data_digest else set()
    return found


def _identity(record: Record, places: dict[Hashable, set[str]]) -> Hashable:
    """Return what is equal for runs on the same images; None where that is not known."""
    if not math.isfinite(record.images):
        return None
    place = _place(record)
    alone = next(iter(places[place])) if len(places[place]) == 1 else place
    return record.data_digest or alone, record.part, record.images


def _plain(members: Sequence[Record]) -> str:
    options = sorted({r.params.get("data", "?") for r in members})
    return f"{' or '.join(options)} ({members[0].images:g} {members[0].part} images"


def _details(members: Sequence[Record], alike: Sequence[Sequence[Record]]) -> list[str]:
    """Say what tells a set from others of its option and size: what was set, else the digest."""

    def values(of: Sequence[Record], key: str) -> str:
        return " or ".join(sorted({r.params.get(key, "?") for r in of}))

    keys = {key for of in alike for r in of for key, _ in _place(r) if key != "data"}
    telling = [k for k in sorted(keys) if len({values(of, k) for of in alike}) > 1]
    settings = [[f"{k.removeprefix('data.')}={values(of, k)}" for k in telling] for of in alike]
    own = [f"{k.removeprefix('data.')}={values(members, k)}" for k in telling]
    return own if settings.count(own) == 1 else [*own, f"digest {_short(members[0])}"]


def _short(record: Record) -> str:
    return record.data_digest[:8] if record.data_digest else "unknown"
