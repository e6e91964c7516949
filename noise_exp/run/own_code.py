"""The user's own code behind a class: its modules, and those that they import."""

import ast
import hashlib
import importlib.util
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_INSTALLED = {"site-packages", "dist-packages"}
_STDLIB = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
_OURS = __name__.partition(".")[0]


def digest_behind(*modules: str) -> str:
    """Return a digest of modules and of all that they import, directly or not, of the user's own.

    What is installed, Python's own or ours does not count, but for the package of `modules`
    themselves. Imports are read in the source and nothing is executed: one whose name is computed
    is not seen, and one that is found nowhere is passed over.
    """
    roots = {module.partition(".")[0] for module in modules}
    contents: dict[str, bytes] = {}
    todo = list(modules)
    while todo:
        for name, spec in _with_parents(todo.pop(), roots):
            if name in contents:
                continue
            contents[name] = _content(spec)
            if str(spec.origin).endswith(".py"):
                is_package = spec.submodule_search_locations is not None
                package = name if is_package else name.rpartition(".")[0]
                todo += _imported(contents[name], package)
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\n{len(contents[name])}\n".encode())
        digest.update(contents[name])
    return digest.hexdigest()[:12]


def _with_parents(name: str, roots: set[str]) -> Iterator[tuple[str, ModuleSpec]]:
    """Find a module of the user's own and the packages around it, from the outermost on.

    Of `a.b.c` where c is no module but something in b, that is a and a.b.
    """
    first, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
        if spec is None or not _is_own(spec, first in roots):
            return
        yield first, spec
        for part in rest:
            if spec.submodule_search_locations is None:
                return
            # Not by find_spec, which would import the package.
            found = PathFinder.find_spec(
                f"{spec.name}.{part}", list(spec.submodule_search_locations)
            )
            if found is None:
                return
            spec = found
            yield spec.name, spec
    except (ImportError, OSError, ValueError):
        return


def _is_own(spec: ModuleSpec, is_root: bool) -> bool:
    if spec.name == _OURS:
        return False
    places = [spec.origin] if spec.has_location else [*(spec.submodule_search_locations or ())]
    if not places or places[0] is None:  # built into Python
        return False
    path = Path(places[0])
    if _INSTALLED & set(path.parts):
        return is_root
    return not any(path.is_relative_to(folder) for folder in _STDLIB)


def _content(spec: ModuleSpec) -> bytes:
    """Return what is in a module's file; a package may have none."""
    try:
        return Path(spec.origin).read_bytes() if spec.has_location and spec.origin else b""
    except OSError:
        return b""


@cache  # the jobs of a sweep ask again; a file that has changed is another source
def _imported(source: bytes, package: str) -> list[str]:
    """Return what a source imports, anywhere in it, as `module` or `module.something`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")
            base = around[: len(around) - node.level + 1] if node.level else []
            base += [node.module] if node.module else []
            names += [".".join([*base, alias.name]) for alias in node.names]
    return names
