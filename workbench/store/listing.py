"""Every run of a runs folder, quickly, again and again."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from workbench.store.annotations import ANNOTATIONS
from workbench.store.files import StoreError
from workbench.store.index import Signature, read_index, update_index
from workbench.store.runs import SPEC, STATUS
from workbench.store.summary import Progress, RunSummary, read_summary

__all__ = ["Progress", "RunListing", "RunSummary", "list_runs", "read_summary"]

#: a file changed this recently (seconds) may change again without its signature changing
_RACY = 1.0
#: seconds after which a run that is being made has its state
_BEGUN = 10.0


class RunListing:
    """The runs of one folder, kept up to date by `refresh`.

    Examples
    --------
    >>> RunListing(Path("no such folder")).refresh()
    ()
    """

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._known: dict[str, tuple[Signature, RunSummary]] | None = None
        self._settling: set[str] = set()
        self._runs: tuple[RunSummary, ...] = ()

    def refresh(self) -> tuple[RunSummary, ...]:
        """Read what changed and return all runs, newest first; a missing folder has none.

        The tuple is the same object as before when nothing changed.

        Raises
        ------
        StoreError
            The folder itself cannot be read; never because of what a run folder holds.
        """
        signatures = _scan(self.runs_dir)
        first = self._known is None
        before = read_index(self.runs_dir) if self._known is None else self._known
        known, fresh = self._read_changed(signatures, before)
        gone = before.keys() - known.keys()
        if fresh or gone:
            self._remember(fresh, gone)
        if first or fresh or gone or any(run.state == "running" for run in self._runs):
            runs = [summary for _, summary in known.values()]
            runs.sort(key=lambda run: (run.created or 0.0, run.run_id), reverse=True)
            if tuple(runs) != self._runs:
                self._runs = tuple(runs)
        self._known = known
        return self._runs

    def _read_changed(
        self, signatures: dict[str, Signature], before: dict[str, tuple[Signature, RunSummary]]
    ) -> tuple[dict[str, tuple[Signature, RunSummary]], dict[str, tuple[Signature, RunSummary]]]:
        """Return all runs, and those of them that had to be read."""
        known, fresh = {}, {}
        for run_id, signature in signatures.items():
            entry = before.get(run_id)
            if entry is None or entry[0] != signature or run_id in self._settling:
                entry = fresh[run_id] = (signature, read_summary(self.runs_dir / run_id))
            elif entry[1].state == "running":
                entry = (signature, read_summary(self.runs_dir / run_id))
            known[run_id] = entry
        return known, fresh

    def _remember(self, fresh: dict[str, tuple[Signature, RunSummary]], gone: set[str]) -> None:
        """Put into the index what was read, except files so young that they may change unseen."""
        now = time.time()
        self._settling = {
            run_id
            for run_id, ((status, _, _, annotated), _) in fresh.items()
            if abs(now - max(status, annotated) / 1e9) < _RACY
        }
        settled = {run_id: fresh[run_id] for run_id in fresh.keys() - self._settling}
        if settled or gone:
            update_index(self.runs_dir, settled, gone)


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """List all runs, newest first; a missing folder has none.

    Raises
    ------
    StoreError
        The folder cannot be read.
    """
    return list(RunListing(runs_dir).refresh())


def _scan(runs_dir: Path) -> dict[str, Signature]:
    """Map each run folder to its signature; relative to an open folder, a third cheaper."""
    try:
        root = os.open(runs_dir, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(
            f"{runs_dir}: cannot be read: {error.strerror}", "choose a folder with --runs-dir"
        ) from None
    try:
        names = (name for name in os.listdir(root) if name[0] != ".")  # noqa: PTH208
        found = ((name, _signature(name, root)) for name in names)
        return {name: signature for name, signature in found if signature is not None}
    finally:
        os.close(root)


def _signature(name: str, root: int) -> Signature | None:
    """Return what changes when the run does; None for a file, or a folder that is no run.

    Where there is a job but no state, that is lost: the run is shown, and what is wrong with it.
    """
    try:
        status = os.stat(f"{name}/{STATUS}", dir_fd=root)
    except OSError:
        try:
            status = os.stat(f"{name}/{SPEC}", dir_fd=root)
        except OSError:
            return None
        if abs(time.time() - status.st_mtime) < _BEGUN:
            return None
    annotations = f"{name}/{ANNOTATIONS}"
    annotated = 0  # most runs have none: asking costs less than failing
    if os.access(annotations, os.F_OK, dir_fd=root):
        with suppress(FileNotFoundError):  # removed in between
            annotated = os.stat(annotations, dir_fd=root).st_mtime_ns
    return (status.st_mtime_ns, status.st_ino, status.st_size, annotated)
