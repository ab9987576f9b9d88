"""The catalogue of what jobs are made of, without holding up keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workbench.jobs.catalogue import (
    Catalogue,
    build_command,
    built_catalogue,
    catalogue_path,
    read_catalogue,
)
from workbench.tui.processes import run_process


async def open_catalogue(say: Callable[[str], None]) -> Catalogue:
    """Read the catalogue; after an update another process makes it first.

    Raises
    ------
    StoreError
        It cannot be made.
    """
    path = await asyncio.to_thread(catalogue_path)
    kept = await asyncio.to_thread(read_catalogue, path)
    if kept is not None:
        return kept
    say("listing the models; this takes some seconds once after an update")
    done = await run_process(build_command(path))
    return await asyncio.to_thread(built_catalogue, path, done.errors)
