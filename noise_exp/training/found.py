"""Parts that are found where they are defined: no list of them has to be kept."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules


@cache
def classes_of(package: str, base: type) -> dict[str, type]:
    """Return the classes made from `base` in the modules of a package, by their names."""
    names = [f"{package}.{m.name}" for m in iter_modules(import_module(package).__path__)]
    return {
        found.__name__: found
        for module in map(import_module, names)
        for found in vars(module).values()
        if isinstance(found, type) and base in found.__mro__ and found.__module__ in names
    }


def class_named(name: str, package: str, base: type) -> type:
    """Return one of these classes, for a package's `__getattr__`."""
    if found := classes_of(package, base).get(name):
        return found
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
