"""Packages of others: their entry points, imported once; one that is broken is named.

A package names its models in the group `recsys_workbench.models` and modules that register
metrics, statistics, protocols and readers in `recsys_workbench.extensions` (docs/extending.md).
Nothing is looked for until somebody asks for a name that is not built in. The interactive session
imports none of them: what it shows of them a worker has described (`workbench.jobs.catalogue`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError, shorten

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

MODELS, EXTENSIONS = "recsys_workbench.models", "recsys_workbench.extensions"
#: words with hyphens, as protocols and readers are called
NAME = "[a-z][a-z0-9]*(-[a-z0-9]+)*"
#: what to do about a package that is broken
REMEDY = "fix, reinstall or uninstall the package that provides it"


@cache
def _installed() -> Any:
    """Read the entry points of all packages, once: it takes tens of milliseconds."""
    from importlib.metadata import entry_points  # slow to import

    return entry_points()


def points_of(group: str) -> list[EntryPoint]:
    """List the entry points of a group, sorted by name."""
    found = _installed().select(group=group)
    return sorted(found, key=lambda point: (point.name, point.value))


def named(kind: str, point: EntryPoint) -> str:
    """Name an entry point for a message: ``extension 'mine' (mine.metrics of mine 1.0)``."""
    package = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"{kind} '{point.name}' ({point.value}{package})"


def import_point(kind: str, point: EntryPoint) -> None:
    """Import what an entry point names.

    Raises
    ------
    InputError
        Its code raised anything, or tried to end the process.
    """
    try:
        point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit too: it is not a package that ends the process
        problem = f"{named(kind, point)} does not load: {reason_of(error)}"
        raise InputError(problem, REMEDY) from error


def reason_of(error: BaseException) -> str:
    """Say in a line what foreign code raised."""
    if isinstance(error, InputError):
        return "; ".join(filter(None, (error.problem, error.remedy))).replace("\n", "; ")
    if isinstance(error, ImportError | AttributeError):
        return shorten(error)
    lines = str(error).strip().splitlines()
    return ": ".join([type(error).__name__, *map(shorten, lines[:1])])


@contextmanager
def foreign_code(
    who: str, remedy: str = REMEDY, kind: type[InputError] = InputError
) -> Iterator[None]:
    """Turn whatever code of others raises into an error that names it; what it refuses stands."""
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit too
        raise kind(f"{who} raised {reason_of(error)}", remedy) from error


class _Loading:
    """What has been imported in this process."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.begun = False
        self.problems: list[InputError] = []
        self.undo: list[Callable[[], object]] | None = None


_loading = _Loading()


def load_extensions(before: Callable[[str], object] = len) -> None:
    """Import the modules of all extensions, once; one that is broken costs no other.

    What a broken one had registered is forgotten, and `extension_problems` names it.

    Parameters
    ----------
    before
        Is called with the name of each, before its code runs.
    """
    with _loading.lock:  # another thread waits; this one, should an extension ask, goes on
        if _loading.begun:
            return
        _loading.begun = True
        for point in points_of(EXTENSIONS):
            _loading.undo = []
            before(named("extension", point))
            try:
                import_point("extension", point)
            except InputError as error:
                for forget in reversed(_loading.undo):
                    forget()
                _loading.problems.append(error)
            finally:
                _loading.undo = None


def import_none() -> None:
    """Keep this process free of extensions and of what they import: the session calls it."""
    _loading.begun = True


def extension_problems() -> list[InputError]:
    """Say which extensions are broken, of those that this process has imported."""
    return list(_loading.problems)


def if_it_fails(forget: Callable[[], object]) -> None:
    """Note how a registration is taken back, should the import of its extension fail later."""
    if _loading.undo is not None:
        _loading.undo.append(forget)


def is_own(module: str) -> bool:
    """Whether a module is one of this library, no package's of others."""
    return module.partition(".")[0] == __name__.partition(".")[0]


def registered_twice(kind: str, name: str, first: str, second: str) -> InputError:
    """Refuse a name that another module has taken."""
    return InputError(
        f"{kind} '{name}' is registered twice: {first} and {second}",
        "rename or uninstall one of them",
    )


def package_files(top: str) -> list[tuple[str, Path]]:
    """List the files of an installed package or module, each with its name inside, sorted.

    It is found, not imported; of one that cannot be found there are none. Compiled files are left
    out: they follow from the others.
    """
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _find(top)
    if spec is None:  # a script is a module without one
        file = getattr(module, "__file__", None)
        return [(top, Path(file))] if file else []
    if spec.submodule_search_locations is None:
        return [(top, Path(spec.origin))] if spec.has_location and spec.origin else []
    found = []
    for root in spec.submodule_search_locations:
        for folder, folders, names in os.walk(root):
            folders[:] = [each for each in folders if each != "__pycache__"]
            files = (Path(folder, name) for name in names if not name.endswith(".pyc"))
            found += [(f"{top}/{each.relative_to(root)}", each) for each in files if each.is_file()]
    return sorted(found)


def _find(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None


def hash_packages(modules: Iterable[str]) -> str:
    """Hash all files of the packages that modules belong to."""
    digest = blake2b(digest_size=16)
    for top in sorted({name.partition(".")[0] for name in modules}):
        for name, file in package_files(top):
            digest.update(name.encode(errors="surrogateescape"))
            digest.update(file.read_bytes())
    return digest.hexdigest()
