"""The two files of a run that only grow: events.jsonl and log.txt."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from recsys_core.events import Event
from workbench.store.files import without_nan

#: plain progress is written at most this often, in seconds: 20 a second
_INTERVAL = 0.05


class EventLog:
    """Appends events as JSON lines.

    Events with metrics or a message are always written; of plain progress only what fits into 20
    a second, and the last step of a stage.
    """

    def __init__(self, file: BinaryIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._written = -_INTERVAL

    def __call__(self, event: Event) -> None:
        """Write `event`, or drop it."""
        now = self._clock()
        matters = event.metrics or event.message or event.step == event.total
        if not matters and now - self._written < _INTERVAL:
            return
        self._written = now
        line = {
            "time": round(time.time(), 3),
            "stage": event.stage,
            "step": event.step,
            "total": event.total,
            "metrics": without_nan(dict(event.metrics)),
            "message": event.message,
        }
        # one write a line: a reader never sees two half lines
        self._file.write(json.dumps(line).encode() + b"\n")


class TextLog:
    """Appends lines with the time; what cannot be written is left out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __call__(self, text: str) -> None:
        """Write `text`."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):  # a full disk must not hide the error that is being logged
            self._file.write(f"{stamp} {text}\n".encode(errors="backslashreplace"))


class _ToText(logging.Handler):
    """Sends what libraries log to log.txt."""

    def __init__(self, log: TextLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._log(f"{record.levelname.lower()} {record.getMessage()}")


@contextmanager
def run_logs(events: Path, log: Path) -> Iterator[tuple[EventLog, TextLog]]:
    """Open both files; warnings and log records of libraries go to the second meanwhile."""
    with events.open("ab", buffering=0) as event_file, log.open("ab", buffering=0) as log_file:
        text_log = TextLog(log_file)
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
