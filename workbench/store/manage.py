"""Finding and deleting runs."""

from __future__ import annotations

import os
import shutil
from difflib import get_close_matches
from pathlib import Path

from workbench.store.files import StoreError, remove
from workbench.store.listing import RunSummary, list_runs
from workbench.store.runs import STATUS, Run

#: prefix of folders that are being deleted
_TRASH = ".trash-"
#: folder of a runs folder whose runs are in no list and are not reused, until they are restored
ARCHIVE = ".archive"


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
    # not Path.exists: it raises for names that no file can have
    if text and os.path.exists(runs_dir / text / STATUS):  # noqa: PTH110
        return Run(runs_dir / text)
    if os.sep in text and os.path.exists(Path(text) / STATUS):  # noqa: PTH110
        return Run(Path(text))
    ids = [run.run_id for run in list_runs(runs_dir)]
    found = [name for name in ids if text and (name.startswith(text) or name.endswith(text))]
    if len(found) == 1:
        return Run(runs_dir / found[0])
    if found:
        shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise StoreError(f"'{text}' fits {len(found)} runs: {shown}", "give more of the run id")
    if text and os.path.exists(runs_dir / ARCHIVE / text / STATUS):  # noqa: PTH110
        raise StoreError(f"run {text} is archived", f"recsys-workbench runs restore {text}")
    near = get_close_matches(text, ids, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise StoreError(
        f"no run '{text}' in {runs_dir}", f"{hint}see them with: recsys-workbench runs list"
    )


def delete_run(run: Run) -> None:
    """Delete a run folder; it is gone from every list at once, even if this is interrupted.

    Of a link to a folder elsewhere the link is deleted and the folder stays.

    Raises
    ------
    StoreError
        It cannot be deleted.
    """
    trash = run.path.with_name(f"{_TRASH}{run.run_id}")
    try:
        if run.path.is_symlink():  # what it leads to lies elsewhere and is somebody's
            run.path.unlink()
            return
        run.path.rename(trash)
        shutil.rmtree(trash)
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(f"{run.path}: cannot be deleted: {why}") from error


def removable(run: RunSummary) -> bool:
    """Tell whether a run has ended: what runs or waits is neither archived nor deleted."""
    return run.state not in ("running", "queued")


def archive_run(run: Run) -> Run:
    """Move a run that has ended into the archive of its runs folder; return it there.

    Raises
    ------
    StoreError
        It runs or waits, is a link, or cannot be moved.
    """
    state = run.status().state
    if state in ("running", "queued"):
        raise StoreError(f"run {run.run_id} is {state}", "cancel it first: queue cancel RUN")
    if run.path.is_symlink():  # a relative one would lead nowhere from there
        raise StoreError(f"{run.path} is a link", "archive the folder that it leads to")
    return _moved(run, run.path.parent / ARCHIVE)


def restore_run(run: Run) -> Run:
    """Move an archived run back into the runs folder; return it there.

    Raises
    ------
    StoreError
        It is not in an archive, or cannot be moved.
    """
    if run.path.parent.name != ARCHIVE:
        raise StoreError(f"run {run.run_id} is not archived")
    return _moved(run, run.path.parent.parent)


def _moved(run: Run, folder: Path) -> Run:
    try:
        folder.mkdir(exist_ok=True)
        if (folder / run.run_id).exists():
            raise StoreError(f"{folder / run.run_id} exists", "move or delete one of the two")
        run.path.rename(folder / run.run_id)
    except OSError as error:
        raise StoreError(f"{run.path}: cannot be moved: {error.strerror or error}") from error
    return Run(folder / run.run_id)


def sweep(runs_dir: Path) -> None:
    """Delete what an interrupted `delete_run` left."""
    for path in runs_dir.glob(f"{_TRASH}*"):
        remove(path)
