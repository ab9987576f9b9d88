"""Export folders: written as a whole or not at all, every file named with its size and hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys_core.events import Event, OnEvent, ignore
from recsys_core.export.part import VERSION, Arrays, Part, write_json
from recsys_core.saving.new_folder import new_folder
from recsys_core.saving.npz import write_arrays

MANIFEST, DATA = "manifest.json", "data.npz"
_CHUNK = 2**20


def write_export(
    folder: Path,
    parts: Mapping[str, Part],
    data: Arrays,
    about: Mapping[str, Any],
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Write parts into a new folder, and a manifest of all files.

    Parameters
    ----------
    parts
        By folder; ``""`` is the whole.
    data
        Ids and histories.
    about
        What the manifest says beside the files.

    Returns
    -------
    The manifest.

    Raises
    ------
    InputError
        The folder is there already, or cannot be made or written.
    """
    with new_folder(folder) as partial:
        write_arrays(partial / DATA, data)
        for name, part in parts.items():
            on_event(Event("export", message=f"writing {name or part.about['model']}"))
            part.write(partial / name)
        manifest = {"format": VERSION, **about, "files": _described(partial)}
        write_json(partial / MANIFEST, manifest)
    return manifest


def _described(folder: Path) -> dict[str, dict[str, Any]]:
    """Give size and SHA-256 of every file, which is on the disk by then."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            found[name] = {"bytes": path.stat().st_size, "sha256": _digest(path)}
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()
