"""The catalogue of what jobs are made of, without holding up keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from workbench.jobs.catalogue import (
    Catalogue,
    build_command,
    built_catalogue,
    catalogue_path,
    read_catalogue,
)
from workbench.tui.processes import run_process

#: what is being listed: whoever asks meanwhile waits for the same process
_under_way: dict[Path, asyncio.Task[Catalogue]] = {}


async def open_catalogue(say: Callable[[str], None]) -> Catalogue:
    """Read the catalogue; after an update another process makes it first, once.

    Whoever no longer wants it leaves that process alone: the next one to ask takes what it makes.

    Raises
    ------
    StoreError
        It cannot be made.
    """
    path = await asyncio.to_thread(catalogue_path)
    kept = await asyncio.to_thread(read_catalogue, path)
    if kept is not None:
        kept.show_metrics()
        return kept
    say("listing the models; this takes some seconds once after an update")
    task = _under_way.get(path)
    if task is None:
        task = _under_way[path] = asyncio.create_task(_build(path))
        task.add_done_callback(lambda _: _under_way.pop(path, None))
    made = await asyncio.shield(task)
    made.show_metrics()
    return made


async def _build(path: Path) -> Catalogue:
    done = await run_process(build_command(path))
    return await asyncio.to_thread(built_catalogue, path, done.errors)
