"""The folder of an import below a limit of memory, beside the sets: gone when the import ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recsys_core.data.on_disk.store import OnDisk
from recsys_core.data.pieces import IN_MEMORY, Store
from recsys_core.data.prepared import SCRATCH, remove_leftovers, unwritable


@contextmanager
def open_store(memory: int | None, data_dir: Path) -> Iterator[Store]:
    """Give what rows are gathered in; with a limit of memory, files that are deleted in the end.

    Raises
    ------
    InputError
        The limit is too little, DuckDB is not installed, or the data folder cannot be written to.
    """
    if memory is None:
        yield IN_MEMORY
        return
    there = data_dir.exists()
    folder = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        remove_leftovers(data_dir)
        folder = Path(tempfile.mkdtemp(SCRATCH, f".import.{os.getpid()}.", data_dir))
        store = OnDisk(folder, memory)
        try:
            yield store
        finally:
            store.close()
    except OSError as error:
        raise unwritable(data_dir, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if not there:
            with suppress(OSError):  # something was registered
                data_dir.rmdir()
