"""List run folders quickly, again and again: a folder is read only when its files changed.

Standard library only (YAML is loaded for runs that have no result yet), so that the interactive
session can poll four times a second. Nothing here raises because of what a run folder holds: a
folder that is half-written, damaged or removed while it is read is listed with what is known of
it and a `problem`, or not at all.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: files whose change means that a run has to be read again
_WATCHED = ("status.json", "metrics.json", "events.jsonl", "spec.yaml")
#: bytes of events.jsonl read to find its last line
_TAIL_BYTES = 4096
#: two clocks tell a process' start time; they agree to about a second
_START_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The last event of a run that is under way."""

    stage: str
    step: int = 0
    total: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list shows of one run.

    Parameters
    ----------
    run_id
        The folder's name.
    state
        As in status.json; `running` becomes `interrupted` when its process is gone.
    split_fingerprint
        Runs with the same one are comparable; empty when it is not known yet.
    metrics, ci95
        By metric name; undefined values (null) are left out.
    problem
        What is wrong with the folder's files, one line; empty when they read well.
    """

    run_id: str
    folder: Path
    state: str = "queued"
    label: str = ""
    model: str = ""
    stage: str = ""
    dataset: str = ""
    synthetic: bool = False
    protocol: str = ""
    seed: int | None = None
    split_fingerprint: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    ci95: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fit_seconds: float | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    progress: Progress | None = None
    problem: str = ""


class RunListing:
    """The runs of one folder, kept up to date by `refresh`.

    Examples
    --------
    >>> RunListing(Path("no such folder")).refresh()
    ()
    """

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._known: dict[str, tuple[tuple[int, ...], RunSummary]] = {}
        self._runs: tuple[RunSummary, ...] = ()

    def refresh(self) -> tuple[RunSummary, ...]:
        """Read what changed and return all runs, newest first.

        The tuple is the same object as before when nothing changed.
        """
        known: dict[str, tuple[tuple[int, ...], RunSummary]] = {}
        changed = False
        for folder in run_folders(self.runs_dir):
            before = self._known.get(folder.name)
            entry = _read_if_changed(folder, before)
            if entry is not None:
                known[folder.name] = entry
                changed = changed or entry is not before
        if changed or known.keys() != self._known.keys():
            runs = [summary for _, summary in known.values()]
            runs.sort(key=lambda run: (run.created or 0.0, run.run_id), reverse=True)
            self._runs = tuple(runs)
        self._known = known
        return self._runs


def run_folders(runs_dir: Path) -> list[Path]:
    """List the folders that are runs: those that hold a status, a spec or a result."""
    try:
        with os.scandir(runs_dir) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []
    names = ("status.json", "spec.yaml", "metrics.json")
    return [folder for folder in folders if any((folder / name).exists() for name in names)]


def _read_if_changed(
    folder: Path, before: tuple[tuple[int, ...], RunSummary] | None
) -> tuple[tuple[int, ...], RunSummary] | None:
    stamp = _stamp(folder)
    if not any(stamp):
        return None
    if before is not None and before[0] == stamp:
        if before[1].state != "running" or _is_alive(_read_json(folder / "status.json")):
            return before
        return (stamp, read_summary(folder))
    return (stamp, read_summary(folder))


def _stamp(folder: Path) -> tuple[int, ...]:
    stamp: list[int] = []
    for name in _WATCHED:
        try:
            found = os.stat(folder / name)  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            stamp += (0, 0, 0)
        else:
            stamp += (found.st_mtime_ns, found.st_size, found.st_ino)
    return tuple(stamp)


def read_summary(folder: Path) -> RunSummary:
    """Read one run folder; whatever is damaged becomes the summary's `problem`."""
    problems: list[str] = []
    status = _checked(folder / "status.json", problems)
    result = _checked(folder / "metrics.json", problems)
    spec = {} if result else _read_spec(folder / "spec.yaml", problems)
    state = _text(status.get("state")) or ("succeeded" if result else "queued")
    if state == "running" and not _is_alive(status):
        state = "interrupted"
    source = result or spec
    dataset, protocol = source.get("dataset"), source.get("protocol")
    dataset_values = dataset if isinstance(dataset, dict) else {"name": dataset}
    protocol_values = protocol if isinstance(protocol, dict) else {"name": protocol}
    model = _text(source.get("model"))
    return RunSummary(
        run_id=folder.name,
        folder=folder,
        state=state,
        label=_text(source.get("label")) or model or folder.name,
        model=model,
        stage=_text(source.get("stage")),
        dataset=_text(dataset_values.get("name")),
        synthetic=dataset_values.get("synthetic") is True or dataset_values.get("name") == "sample",
        protocol=_text(protocol_values.get("name")),
        seed=seed if isinstance(seed := source.get("seed"), int) else None,
        split_fingerprint=_text(protocol_values.get("fingerprint")),
        params=_mapping(source.get("params")),
        metrics=_numbers(source.get("metrics")),
        ci95=_intervals(source.get("ci95")),
        fit_seconds=_number(source.get("fit_seconds")),
        created=_number(status.get("created")),
        started=_number(status.get("started")),
        ended=_number(status.get("ended")),
        reason=_text(status.get("reason")),
        progress=_last_event(folder / "events.jsonl") if state == "running" else None,
        problem="; ".join(problems),
    )


def _checked(path: Path, problems: list[str]) -> dict[str, Any]:
    """Read a JSON object; a file that is there and does not read is noted in `problems`."""
    try:
        return _mapping(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        problems.append(f"{path.name} cannot be read: {_text(str(error))}")
        return {}


def _read_json(path: Path) -> dict[str, Any]:
    return _checked(path, [])


def _read_spec(path: Path, problems: list[str]) -> dict[str, Any]:
    import yaml  # 20 ms that a folder of finished runs does not need

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return _mapping(yaml.load(path.read_bytes(), Loader=loader))  # noqa: S506 - safe loaders
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError):
        problems.append(f"{path.name} cannot be read")
        return {}


def _last_event(path: Path) -> Progress | None:
    """Return the last complete line of a file that another process appends to."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    for line in reversed(lines):
        try:
            event = _mapping(json.loads(line))
        except ValueError:
            continue
        step, total = event.get("step"), event.get("total")
        return Progress(
            stage=_text(event.get("stage")),
            step=step if isinstance(step, int) else 0,
            total=total if isinstance(total, int) else None,
            metrics=_numbers(event.get("metrics")),
            message=_text(event.get("message")),
        )
    return None


def _is_alive(status: Mapping[str, Any]) -> bool:
    """Tell whether the process that wrote `status` still runs; a pid alone is reused."""
    pid, boot_id = status.get("pid"), status.get("boot_id")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if isinstance(boot_id, str) and boot_id and boot_id != _boot_id():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it runs and belongs to somebody else
    started, known = _process_started(pid), _number(status.get("process_started"))
    return started is None or known is None or abs(started - known) <= _START_TOLERANCE_SECONDS


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _process_started(pid: int) -> float | None:
    """Return when a process started, in seconds since 1970; None where /proc does not tell."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        stat = Path("/proc/stat").read_text()
        boot = next(line for line in stat.splitlines() if line.startswith("btime"))
        return int(boot.split()[1]) + int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _numbers(value: object) -> dict[str, float]:
    pairs = ((key, _number(entry)) for key, entry in _mapping(value).items())
    return {key: number for key, number in pairs if number is not None}


def _intervals(value: object) -> dict[str, tuple[float, float]]:
    intervals: dict[str, tuple[float, float]] = {}
    for key, entry in _mapping(value).items():
        if isinstance(entry, list) and len(entry) == 2:
            low, high = _number(entry[0]), _number(entry[1])
            if low is not None and high is not None:
                intervals[key] = (low, high)
    return intervals
