"""Packages of others for one test: installed into a folder, and taken out of this process again."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from recsys_core import extensions, registry
from recsys_core.data import readers
from recsys_core.evaluation import extended, names
from recsys_core.features.statistics import STATISTICS
from recsys_core.pipeline.environment import code_fingerprint
from recsys_core.protocols import registry as protocols
from tests.workbench.conftest import cli as cli
from tests.workbench.conftest import data_dir as data_dir
from tests.workbench.conftest import runs_dir as runs_dir

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
#: whatever a package registers goes into one of these
REGISTRIES: tuple[dict[str, Any], ...] = (
    extended._metrics,
    names._cards,
    STATISTICS,
    protocols._added,
    readers._readers,
)
CACHES = (extensions._installed, registry._plugins, code_fingerprint)

#: file name -> source; group -> entry points
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write modules to a folder, install them there, and forget all of it after the test."""
    before = [dict(each) for each in REGISTRIES]
    modules = set(sys.modules)
    site = tmp_path / "site"
    site.mkdir()

    def put(
        sources: Mapping[str, str] = MappingProxyType({}),
        points: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        _forget_modules(modules, site)
        _write(site, sources, points or {extensions.EXTENSIONS: dict.fromkeys(sources, "")})
        monkeypatch.syspath_prepend(site)
        monkeypatch.setattr(extensions, "_loading", extensions._Loading())
        _restore(before)

    yield put
    _forget_modules(modules, site)
    _restore(before)


def _write(site: Path, sources: Mapping[str, str], points: Mapping[str, Mapping[str, str]]) -> None:
    """Install modules and entry points; one without a value has its own name as module."""
    for name, source in sources.items():
        (site / f"{name}.py").write_text(source)
    info = site / "mine-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    lines = []
    for group, entries in points.items():
        lines += [f"[{group}]", *(f"{name} = {value or name}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))


def _forget_modules(modules: set[str], site: Path) -> None:
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith((str(site), str(EXAMPLE))):
            del sys.modules[name]


def _restore(before: list[dict[str, Any]]) -> None:
    for registered, content in zip(REGISTRIES, before, strict=True):
        registered.clear()
        registered.update(content)
    for name, info in list(registry._registered.items()):
        if info.cls.__module__ not in sys.modules:
            del registry._registered[name]
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def bookshop(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the package of examples/plugin, as its pyproject.toml says."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(points=project["entry-points"])
    monkeypatch.syspath_prepend(EXAMPLE)
