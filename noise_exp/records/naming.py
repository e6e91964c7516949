"""How runs are told apart: one rule for the terminal, the comparison, the report and figures."""

from collections.abc import Mapping, Sequence

SOURCES = ("init", "data", "noise")  # of luck
OPTIONS = ("dist", "estimator", "optimizer", "data", "network")  # that own other keys
# Params that tell no method from another: luck, and what changes no result.
NO_METHOD = {
    "seed", "seeds", "experiment", *(f"seeds.{source}" for source in SOURCES),
    "resume", "threads", "dry_run", "training_images", "test_images", "validation_images",
}  # fmt: skip


def owner_of(key: str) -> str:
    """Return the group whose option decides what values a key has."""
    return "estimator" if key == "noise_transform" else key.partition(".")[0]


def name_methods(params: Sequence[Mapping[str, str]]) -> list[str]:
    """Name each run by its law and by whatever else varies among runs of that law, but seeds.

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
