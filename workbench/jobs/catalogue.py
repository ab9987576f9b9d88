"""What can be put into a job: models and protocols with their fields, suites, data sets.

The typed configurations stand beside torch, so a process of its own reads them once
(`workbench.jobs.catalogue_build`) and leaves them as JSON in the user's cache folder. Whoever must
stay light (interactive session, ``models list``) reads that file. Its name is a fingerprint of
version, sources and installed plug-ins, so it never is out of date.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import recsys_core
from recsys_core import __version__
from recsys_core.evaluation.names import MetricCard, add_card
from recsys_core.extensions import EXTENSIONS, MODELS, package_files
from recsys_core.processes import python_command
from workbench.store.files import StoreError, read_json
from workbench.store.xdg import xdg_folder

#: raised when the content of the file changes
_VERSION = 5
#: where the schema of a model's fields has their earlier names: old -> new
RENAMED = "renamed"
#: and in which group each stands, in the order of a form: field -> group
GROUPS = "groups"
#: what describes jobs; only they are fingerprinted
_SUFFIXES = (".py", ".yaml")
_BUILD_SECONDS = 300.0
#: catalogues of other versions that are left for environments that use them
_KEPT = 3


@dataclass(frozen=True, slots=True)
class Card:
    """A registered model.

    Parameters
    ----------
    schema
        The JSON schema of its configuration; empty for a model that does not load.
    problem
        Why it does not load; empty when all is well.
    reads_features
        Whether it takes a feature schema.
    trains_together
        Whether several processes can train it.
    """

    name: str
    stage: str = ""
    title: str = ""
    paper: str = ""
    deterministic: bool = False
    schema: Mapping[str, Any] | None = None
    problem: str = ""
    reads_features: bool = False
    trains_together: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that jobs can be made of, by name and in the order of the registries.

    Parameters
    ----------
    protocols
        ``leaks`` (a sentence), ``by_time`` (whether it needs times) and ``schema`` by name.
    suites
        The packaged suites as plain values: ``name``, ``title``, ``dataset``, ``protocol``, ``ks``,
        ``seeds``, ``jobs``, ``references``.
    datasets
        What is known of published sets, and ``sample``, by name.
    features
        The packaged feature schemas by name: ``title``, ``scopes`` of their histories, and
        ``features``, each with ``name``, ``source``, ``kind``, ``reads``, ``by``, ``scope``,
        ``transform`` and ``shares``.
    job
        The JSON schema of a job.
    metrics
        What is said of the metrics of extensions, for `show_metrics`.
    problems
        What is wrong with extensions that are broken, a line each.
    parts
        The schemas of models that stand only inside others, by name.
    """

    models: Mapping[str, Card]
    protocols: Mapping[str, Mapping[str, Any]]
    suites: Sequence[Mapping[str, Any]]
    datasets: Mapping[str, str]
    features: Mapping[str, Mapping[str, Any]]
    job: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]] = ()
    problems: Sequence[str] = ()
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Catalogue:
        """Read what `catalogue_build` wrote."""
        models = {card["name"]: Card(**card) for card in values["models"]}
        names = ("protocols", "suites", "datasets", "features", "job", "metrics", "problems")
        return cls(models, *(values[name] for name in (*names, "parts")))

    def show_metrics(self) -> None:
        """Let lists and help of this process know the metrics of extensions."""
        for card in self.metrics:
            add_card(MetricCard(**card))


def load_catalogue() -> Catalogue:
    """Read the catalogue; after an update it is made first, which takes seconds.

    Raises
    ------
    StoreError
        It cannot be made or kept.
    """
    path = catalogue_path()
    kept = read_catalogue(path)
    if kept is not None:
        return kept
    try:
        done = subprocess.run(  # noqa: S603 - this program
            build_command(path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise StoreError("the models could not be listed in time", "try again") from None
    return built_catalogue(path, done.stderr.decode(errors="replace"))


def read_catalogue(path: Path) -> Catalogue | None:
    """Read the catalogue at `catalogue_path`; None where it has not been made."""
    try:
        return Catalogue.parse(read_json(path)) if path.exists() else None
    except (StoreError, KeyError, TypeError):  # of a cache, so it is made again
        return None


def built_catalogue(path: Path, errors: str) -> Catalogue:
    """Read the catalogue after `build_command` ended.

    Parameters
    ----------
    errors
        What that process wrote to stderr.

    Raises
    ------
    StoreError
        It made none.
    """
    kept = read_catalogue(path)
    if kept is None:
        lines = errors.strip().splitlines()
        raise StoreError(
            f"the models cannot be listed: {lines[-1] if lines else 'no reason given'}",
            "see why with: python -m workbench.jobs.catalogue_build FILE",
        )
    return kept


def catalogue_path() -> Path:
    """Name the file of the installed version, sources and plug-ins."""
    key = hashlib.sha256(f"{_VERSION} {__version__} {sys.version}".encode())
    for part in (*_sources(), *_plugins()):
        key.update(part.encode())
    return xdg_folder("XDG_CACHE_HOME", ".cache") / f"catalogue-{key.hexdigest()[:16]}.json"


def _sources() -> list[str]:
    """List the core's files with time and size; reading them would take ten times as long."""
    return _stamps(str(Path(recsys_core.__file__).parent))


def _plugins() -> list[str]:
    """List the plug-ins, and the files of their packages: one that is edited stays installed."""
    installed = entry_points()
    points = [each for group in (MODELS, EXTENSIONS) for each in installed.select(group=group)]
    named = sorted(
        f"{point.group} {point.name} {point.value} {point.dist.version if point.dist else ''}\n"
        for point in points
    )
    tops = sorted({point.module.partition(".")[0] for point in points})
    return [*named, *(_stamp(str(file)) for top in tops for _, file in package_files(top))]


def _stamps(root: str) -> list[str]:
    """Note time and size of the files under a folder that describe jobs."""
    return sorted(
        _stamp(f"{folder}/{name}")
        for folder, _, names in os.walk(root)
        for name in names
        if name.endswith(_SUFFIXES)
    )


def _stamp(file: str) -> str:
    status = os.stat(file)  # noqa: PTH116 - no Path objects
    return f"{file} {status.st_mtime_ns} {status.st_size}\n"


def build_command(path: Path) -> list[str]:
    """Make the cache folder, delete old catalogues, and return the command that writes `path`.

    Raises
    ------
    StoreError
        The folder cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.parent}: cannot be made: {error.strerror}",
            "choose another cache folder with XDG_CACHE_HOME",
        ) from None
    old = sorted(path.parent.glob("catalogue-*.json"), key=lambda file: file.stat().st_mtime)
    for file in old[:-_KEPT]:
        with suppress(OSError):
            file.unlink()
    return python_command("-m", "workbench.jobs.catalogue_build", str(path))
