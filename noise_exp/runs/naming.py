"""How runs, and what they were measured on, are told apart: one rule for all that shows them."""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from noise_exp.runs.record import Record

SOURCES = ("init", "data", "noise", "batches")  # of luck
OPTIONS = ("dist", "estimator", "optimizer", "data", "network")  # that own other keys
# Params that tell no method from another: luck, and what changes no result.
NO_METHOD = {
    "seed", "seeds", "experiment", *(f"seeds.{source}" for source in SOURCES),
    "resume", "threads", "dry_run", "diagnostics",
    "training_images", "test_images", "validation_images",
}  # fmt: skip


def owner_of(key: str) -> str:
    """Return the group whose option decides what values a key has."""
    return "estimator" if key == "noise_transform" else key.partition(".")[0]


# Keys of data that do not change which images there are.
_NO_IMAGES = ("data.test_size", "data.validation_size", "data.pixel_divisor")


def name_methods(params: Sequence[Mapping[str, str]]) -> list[str]:
    """Name each run by its distribution, and by what else varies among runs of that one, but seeds.

    A key of an option (optimizer.lr) is named only if it varies among runs with that option: its
    value may otherwise be told from the option's name.
    """
    keys = sorted({key for p in params for key in p} - NO_METHOD - {"dist"})
    varied = []
    for key in keys:
        owner = owner_of(key)
        seen: dict[str | None, dict[str | None, set[str]]] = {}
        for p in params:
            option = p.get(owner) if owner in OPTIONS and owner != key else None
            if key in p:
                seen.setdefault(p.get("dist"), {}).setdefault(option, set()).add(p[key])
        if any(_vary(by_option) for by_option in seen.values()):
            varied.append(key)
    return [
        " ".join([p.get("dist", "?"), *(f"{key}={p[key]}" for key in varied if key in p)])
        for p in params
    ]


def _vary(by_option: Mapping[str | None, set[str]]) -> bool:
    """Whether a key's values vary among runs of one option; one that was not built has none."""
    unbuilt = by_option.get(None, set())
    return any(len(values | unbuilt) > 1 for values in by_option.values())


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
