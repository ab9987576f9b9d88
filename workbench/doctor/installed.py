"""Python, packages, extras and plug-ins; versions are read, the packages are not imported."""

from __future__ import annotations

import contextlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from recsys_core import __version__
from recsys_core.errors import InputError
from recsys_core.extensions import EXTENSIONS, MODELS, import_point, named, points_of
from recsys_core.registry import model_info
from workbench.doctor.check import Check, wrong

PACKAGE = "recsys-workbench"
#: extras that only the tests need
_FOR_TESTS = {"browser", "dev"}
#: ``distributed>=2026.1; extra == 'dask'`` -> name and extra
_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*extra == ['\"]([\w-]+)['\"])?")


def check_python() -> Iterator[Check]:
    """Name Python, system and this package."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    found = f"{platform.python_version()} ({platform.python_implementation()}), {system}"
    yield Check("python", "ok", f"{found}, {sys.prefix}")
    yield Check("package", "ok", f"{PACKAGE} {__version__}")


def check_packages() -> Iterator[Check]:
    """Name the versions of what is required, and which extras are installed."""
    try:
        required = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        remedy = "install it: pip install -e . in the checkout"
        yield Check("packages", "note", f"{PACKAGE} is not installed, it runs from files", remedy)
        return
    extras: dict[str, list[str]] = {"": []}
    for line in required:
        if match := _REQUIREMENT.match(line):
            extras.setdefault(match[2] or "", []).append(match[1])
    yield _required(extras.pop(""))
    for extra in sorted(extras.keys() - _FOR_TESTS):
        yield _extra(extra, extras[extra])


def _required(names: list[str]) -> Check:
    found, missing = _versions(names)
    if missing:
        remedy = f"pip install {' '.join(missing)}"
        return Check("packages", "wrong", f"missing: {', '.join(missing)}", remedy)
    return Check("packages", "ok", ", ".join(found))


def _extra(extra: str, names: list[str]) -> Check:
    found, missing = _versions(names)
    if missing:
        remedy = f"where it is needed: pip install '{PACKAGE}[{extra}]'"
        return Check(f"extra {extra}", "note", f"missing: {', '.join(missing)}", remedy)
    return Check(f"extra {extra}", "ok", ", ".join(found))


def _versions(names: list[str]) -> tuple[list[str], list[str]]:
    """Return name and version of what is there, and the names of what is missing."""
    found, missing = [], []
    for name in sorted(names):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    return found, missing


def check_plugins() -> Iterator[Check]:
    """Import the plug-ins of other packages; one that is broken is named.

    What their code prints goes to stderr.
    """
    count = 0
    for group, kind in ((EXTENSIONS, "extension"), (MODELS, "plug-in model")):
        for point in points_of(group):
            count += 1
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    if group == MODELS:
                        model_info(point.name)
                    else:
                        import_point(kind, point)
            except InputError as error:
                yield wrong("plug-in", error)
            else:
                yield Check("plug-in", "ok", named(kind, point))
    if not count:
        yield Check("plug-in", "ok", "none installed")
