"""Files of feature schemas: where they are, which they extend, and the entries in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from typing import Any

from recsys_core.config import parse_config, parse_mapping, read_text
from recsys_core.errors import InputError, shorten
from recsys_core.features.feature import Feature

SUFFIXES = (".yaml", ".yml")


def schema_names() -> list[str]:
    """List the packaged schemas."""
    return sorted(file.stem for file in _packaged().glob("*.yaml"))


def _packaged() -> Path:
    return Path(str(resources.files("recsys_core.features") / "schemas"))


def schema_files(name_or_path: str, folder: Path) -> list[Path]:
    """List a schema file and those that it extends; a packaged schema has none.

    Parameters
    ----------
    folder
        What a relative path starts from.
    """
    files: list[Path] = []
    while name_or_path and name_or_path not in schema_names():
        path = schema_path(name_or_path, folder)
        if path in files:
            break
        files.append(path)
        base = parse_mapping(read_text(path), path).get("extends")
        name_or_path, folder = base if isinstance(base, str) else "", path.parent
    return files


def schema_path(name_or_path: str, folder: Path) -> Path:
    """Find a packaged schema by name, or a file relative to `folder`.

    Raises
    ------
    InputError
        It is neither a name nor the path of a YAML file.
    """
    if name_or_path in schema_names():
        return Path(str(_packaged() / f"{name_or_path}.yaml"))
    if Path(name_or_path).suffix not in SUFFIXES:
        raise InputError(
            f"no feature schema is called '{shorten(name_or_path)}'",
            f"give a path ending in .yaml, or one of: {', '.join(schema_names())}",
        )
    return folder / name_or_path


def read_features(
    content: dict[str, Any], path: Path, lines: list[int]
) -> tuple[list[Feature], dict[str, str]]:
    """Validate the entries of 'features'; also say where each is, if `lines` tell."""
    entries = content.get("features", [] if content.get("extends") else None)
    if not isinstance(entries, list) or not (entries or content.get("extends")):
        raise InputError(f"{path}: 'features' must be a list", "add entries '- {name: …}'")
    features, places = [], {}
    for entry, line in zip_longest(entries, lines if len(lines) == len(entries) else ()):
        place = f"{path.name}, line {line}" if line else path.name
        if not isinstance(entry, dict):
            raise InputError(
                f"{place}: '{shorten(entry)}' is not a feature",
                "write {name: …, source: …, kind: …}",
            )
        where = f"feature '{shorten(entry.get('name', '?'))}' ({place})"
        feature = parse_config(Feature, entry, where)
        features.append(feature)
        places[feature.name] = place
    return features, places


def put_after(base: Mapping[str, Feature], own: Sequence[Feature]) -> tuple[Feature, ...]:
    """Put features after those of the base; one of the same name takes its place."""
    replaced = {feature.name: feature for feature in own if feature.name in base}
    added = [feature for feature in own if feature.name not in base]
    return tuple({**base, **replaced}.values()) + tuple(added)
