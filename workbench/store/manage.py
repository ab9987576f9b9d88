"""Finding and deleting runs."""

from __future__ import annotations

import os
import shutil
from difflib import get_close_matches
from pathlib import Path

from recsys_core.reading import is_file
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.runs import STATUS, Run

#: prefix of folders that are being deleted
_TRASH = ".trash-"


def find_reusable(runs_dir: Path, reuse_key: str) -> Run | None:
    """Find the newest run that succeeded with this key and still has all its files."""
    for summary in list_runs(runs_dir):
        if summary.state == "succeeded" and summary.reuse_key == reuse_key:
            run = Run(runs_dir / summary.run_id)
            if run.complete():
                return run
    return None


def resolve_run(runs_dir: Path, text: str) -> Run:
    """Find the run that `text` means: a run id, the start or end of one, or a run folder's path.

    Raises
    ------
    StoreError
        None or several fit.
    """
    if text and is_file(runs_dir / text / STATUS):
        return Run(runs_dir / text)
    if os.sep in text and is_file(Path(text) / STATUS):
        return Run(Path(text))
    ids = [run.run_id for run in list_runs(runs_dir)]
    found = [name for name in ids if text and (name.startswith(text) or name.endswith(text))]
    if len(found) == 1:
        return Run(runs_dir / found[0])
    if found:
        shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise StoreError(f"'{text}' fits {len(found)} runs: {shown}", "give more of the run id")
    near = get_close_matches(text, ids, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise StoreError(
        f"no run '{text}' in {runs_dir}", f"{hint}see them with: recsys-workbench runs list"
    )


def delete_run(run: Run) -> None:
    """Delete a run folder; it is gone from every list at once, even if this is interrupted.

    Raises
    ------
    StoreError
        It cannot be deleted.
    """
    trash = run.path.with_name(f"{_TRASH}{run.run_id}")
    try:
        run.path.rename(trash)
        shutil.rmtree(trash)
    except OSError as error:
        raise StoreError(f"{run.path}: cannot be deleted: {error.strerror}") from error


def sweep(runs_dir: Path) -> None:
    """Delete what an interrupted `delete_run` left."""
    for path in runs_dir.glob(f"{_TRASH}*"):
        shutil.rmtree(path, ignore_errors=True)
