"""The two files of a run that only grow: events.jsonl and log.txt."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from recsys_core.events import Event
from workbench.store.files import open_regular, without_nan

#: plain progress is written at most this often, in seconds: 20 per second
_INTERVAL = 0.05
#: bytes of log.txt before it starts anew
LONGEST_LOG = 5_000_000


class EventLog:
    """Appends events as JSON lines.

    Events with metrics or a message are always written; of plain progress only what fits into 20
    a second, and the last step of a stage. What the job uses is written beside the progress that
    was made last.
    """

    def __init__(self, file: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._written = -_INTERVAL
        self._speed = Speed()
        self._lock = threading.Lock()
        self._progress: dict[str, Any] = {}

    def __call__(self, event: Event) -> None:
        """Write `event`, or drop it."""
        now = self._clock()
        rate, eta = self._speed(event, now)
        matters = event.metrics or event.message or event.step == event.total
        if not matters and now - self._written < _INTERVAL:
            return
        self._written = now
        self._progress = {
            "stage": event.stage,
            "step": event.step,
            "total": event.total,
            "rate": rate,
            "eta": eta,
        }
        found = {"metrics": without_nan(dict(event.metrics)), "message": event.message}
        self._write({**found, **({} if event.epoch is None else {"epoch": event.epoch})})

    def usage(self, values: Mapping[str, float]) -> None:
        """Write what the job uses; nothing before its first event. Another thread may call this."""
        if values and self._progress:
            self._write({"metrics": {}, "message": "", "usage": dict(values)})

    def _write(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            line = {"time": round(time.time(), 3), **self._progress, **values}
            # one write a line: a reader never sees two half lines
            self._file.write(json.dumps(line).encode() + b"\n")


class Speed:
    """Steps a second of a stage, and the seconds that the rest of it will take.

    Examples
    --------
    >>> speed = Speed()
    >>> speed(Event("fit", 30, 100), 0.0)  # resumed at step 30: no step was taken yet
    (None, None)
    >>> speed(Event("fit", 40, 100), 5.0)  # 10 steps in 5 s, 60 to go
    (2.0, 30.0)
    """

    def __init__(self) -> None:
        self._stage: str | None = None
        self._first = (0, 0.0)

    def __call__(self, event: Event, now: float) -> tuple[float | None, float | None]:
        """Return rate and remaining seconds, each None while unknown."""
        step, started = self._first
        if event.stage != self._stage or event.step < step:
            self._stage, self._first = event.stage, (event.step, now)
            return None, None
        if now <= started or event.step == step:
            return None, None
        rate = (event.step - step) / (now - started)
        remaining = None if event.total is None else max(0, event.total - event.step) / rate
        return round(rate, 4), None if remaining is None else round(remaining, 2)


class TextLog:
    """Appends lines with the time; what cannot be written is left out.

    A log that grew long becomes ``log.1.txt`` and starts anew; one such part is kept.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path

    def __call__(self, text: str) -> None:
        """Write `text`."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):  # a full disk must not hide the error that is being logged
            self._file.write(f"{stamp} {text}\n".encode(errors="backslashreplace"))
            if self._file.tell() > LONGEST_LOG:
                # copied and cut, not renamed: stdout and stderr of the process go on in this file
                shutil.copyfile(self._path, self._path.with_suffix(f".1{self._path.suffix}"))
                self._file.truncate(0)


class _ToText(logging.Handler):
    """Sends what libraries log to log.txt."""

    def __init__(self, log: TextLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._log(f"{record.levelname.lower()} {record.getMessage()}")


def open_events(path: Path) -> BinaryIO:
    """Open events.jsonl to go on; a line that a killed process left half-written is ended."""
    file = open_regular(path, "a+b")
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file


@contextmanager
def run_logs(events: Path, log: Path) -> Iterator[tuple[EventLog, TextLog]]:
    """Open both files; warnings and log records of libraries go to the second meanwhile."""
    with open_events(events) as event_file, open_regular(log, "ab") as log_file:
        text_log = TextLog(log_file, log)
        handler = _ToText(text_log)
        root = logging.getLogger()
        root.addHandler(handler)
        logging.captureWarnings(True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                yield EventLog(event_file), text_log
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)


def describe(event: Event) -> str:
    """Put an event into one line.

    Examples
    --------
    >>> describe(Event("fit", 3, 20, {"loss": 0.4123, "valid/auc": 0.78}))
    'fit 3/20  loss 0.4123  valid/auc 0.78'
    >>> describe(Event("load", message="loading sample"))
    'loading sample'
    """
    total = f"/{event.total}" if event.total is not None else ""
    counted = f" {event.step}{total}" if event.step or event.total else ""
    return "  ".join([event.message or event.stage + counted, *values(event)])


def values(event: Event) -> list[str]:
    """Write the values of an event.

    Examples
    --------
    >>> values(Event("fit", metrics={"loss": 0.41234, "rows_per_second": 123456.7}))
    ['loss 0.4123', 'rows_per_second 123,457']
    """
    return [
        f"{name} {value:,.0f}" if abs(value) >= 10_000 else f"{name} {value:.4g}"
        for name, value in event.metrics.items()
    ]
