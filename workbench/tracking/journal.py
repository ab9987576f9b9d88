"""What was sent of a run to a tracker: ``trackers/NAME-HASH/journal.json`` in the run folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from workbench.store.files import StoreError, explain, read_json, write_json
from workbench.store.kinds import Kind, check, number, text, whole
from workbench.tracking.targets import Target

FOLDER, _JOURNAL = "trackers", "journal.json"
#: following: the job runs, or its end is being sent
State = Literal["following", "sent", "incomplete"]
_STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Journal:
    """How far a tracker knows a run.

    Parameters
    ----------
    run
        How the run is found in the tracker.
    offset
        Bytes of events.jsonl that were sent.
    values, unsent
        Values of curves that were sent, and that were given up.
    seconds
        Time inside calls of the tracker.
    pid
        The process that follows, or followed, the run.
    """

    target: str
    state: State = "following"
    run: str = ""
    offset: int = 0
    values: int = 0
    unsent: int = 0
    seconds: float = 0.0
    reason: str = ""
    pid: int = 0

    def said(self) -> str:
        """Say in a line what became of it."""
        where = f"tracker {self.target}"
        if self.state == "sent":
            return f"{where}: {self.values:,} values and the result sent in {self.seconds:.2f} s"
        lost = f"{self.unsent:,} values and the result were not sent"
        return f"{where}: {lost}: {self.reason}"


def _is_state(value: object) -> bool:
    return value in _STATES


_KINDS: dict[str, Kind] = {
    "target": text,
    "state": _is_state,
    "run": text,
    "offset": whole,
    "values": whole,
    "unsent": whole,
    "seconds": number,
    "reason": text,
    "pid": whole,
}


def journal_folder(run: Path, target: Target) -> Path:
    """Name the folder of a run that is about one tracker."""
    return run / FOLDER / target.slug


def read_journal(run: Path, target: Target) -> Journal | None:
    """Read how far a tracker knows a run; None where it was never told, or that is damaged."""
    path = journal_folder(run, target) / _JOURNAL
    if not path.is_file():
        return None
    try:
        values = read_json(path)
        check(values, _KINDS, path)
    except StoreError:  # it is sent again
        return None
    return Journal(**{name: values[name] for name in _KINDS})


def write_journal(run: Path, target: Target, journal: Journal) -> None:
    """Replace what is noted of a run and a tracker."""
    write_json(journal_folder(run, target) / _JOURNAL, asdict(journal))


@contextmanager
def following(run: Path, target: Target) -> Iterator[bool]:
    """Be the one process that tells a tracker of a run; the system ends it with the process.

    Returns
    -------
    False when another process is.
    """
    folder = journal_folder(run, target)
    try:
        for each in (folder.parent, folder):  # not the run's, which may have been taken away
            each.mkdir(exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise explain(error, folder) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
