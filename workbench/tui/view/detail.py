"""All there is to say of one run, as titled sections of plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from recsys_core.evaluation.file_counts import said_of_file
from recsys_core.values import is_finite_number
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.chart import draw_chart
from workbench.tui.view.live import Curves, common_unit, curves_of, reported, titled
from workbench.tui.view.result import (
    NOTHING,
    Against,
    cutoff_lines,
    part_lines,
    result_lines,
    result_title,
)
from workbench.tui.view.table import Cell

#: charts that fit side by side say more than one that is very wide
_CHART_HEIGHT = 6
_CHART_WIDTH, _CHART_MINIMUM, _CHART_GAP = 58, 38, 3
#: cells that a chart needs to say something
_CHART_LEAST = 24


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines; a line is a few styled pieces of text.

    Parameters
    ----------
    pairs
        Whether a line is a name and a text, which may be long: it goes on below itself.
    """

    title: str
    lines: tuple[tuple[Cell, ...], ...]
    pairs: bool = False

    def __str__(self) -> str:
        """Write the section as plain text, for the clipboard."""
        body = ("".join(cell.text for cell in line).rstrip() for line in self.lines)
        return "\n".join([self.title, *(f"  {line}" for line in body)])


@dataclass(frozen=True, slots=True)
class Files:
    """What the run's files say; empty where a file is not there (yet) or damaged."""

    result: Mapping[str, Any]
    environment: Mapping[str, Any]
    curves: Curves


def read_files(summary: RunSummary) -> Files:
    """Read the parts of a run folder that a list does not hold."""
    run = Run(summary.folder)
    try:
        result = run.metrics if summary.state == "succeeded" else {}
    except StoreError:
        result = {}
    try:
        environment = run.environment
    except StoreError:
        environment = {}
    told = reported(summary)
    curve = result.get("curve")
    return Files(result, environment, told if curve is None else curves_of(curve, told))


def sections(
    summary: RunSummary,
    files: Files,
    against: Against = NOTHING,
    width: int = 80,
) -> dict[str, Section]:
    """Describe a run: its result, settings, notes, data, cost, files and machine, in that order.

    Parameters
    ----------
    against
        The pinned run; differences are shown where the two may be compared.
    width
        Cells that the result may have.
    """
    other = against.other(summary)
    return {
        "result": Section(
            result_title(summary, against), tuple(result_lines(summary, against, width))
        ),
        "notes": Section("Tags and note", tuple(_notes(summary))),
        "parts": Section("Stages and groups", tuple(part_lines(summary, against, width))),
        "cutoffs": Section("Other cut-offs", tuple(cutoff_lines(summary, against, width))),
        "settings": Section("Settings", tuple(_settings(summary, other)), pairs=True),
        "data": _of_pairs("Data and protocol", _data(summary, files.result)),
        "cost": _of_pairs("Run", _cost(summary, files.result)),
        "files": _of_pairs("Files", _files(summary)),
        "machine": _of_pairs("Environment", _machine(files.environment)),
    }


def _of_pairs(title: str, pairs: Iterator[tuple[str, object]]) -> Section:
    return Section(title, tuple(_pairs(pairs)), pairs=True)


def _notes(run: RunSummary) -> Iterator[tuple[Cell, ...]]:
    if run.tags:
        yield Cell("tags  ", "muted"), Cell(plain(" ".join(run.tags)), "accent")
    for line in run.note.splitlines():
        yield (Cell(plain(line)),)


def _settings(run: RunSummary, baseline: RunSummary | None) -> Iterator[tuple[Cell, ...]]:
    """List the settings; what differs from the baseline's says from what."""
    ours = _job(run, baseline) | dict(run.params)
    base = {}
    if baseline is not None:
        base = _job(baseline, run)
        base |= dict(baseline.params) if baseline.model == run.model else {}
    names = [*ours, *(name for name in base if name not in ours)]
    if not names:
        yield (Cell("none", "muted"),)
        return
    width = max(len(plain(name)) for name in names)
    for name in names:
        text = plain(show.parameter(ours[name])) if name in ours else "not there"
        line = [Cell(f"{plain(name):<{width}}  ", "muted"), Cell(text)]
        if name in base and (name not in ours or base[name] != ours[name]):
            line.append(Cell(f"  (baseline: {plain(show.parameter(base[name]))})", "accent"))
        yield tuple(line)


def _job(run: RunSummary, other: RunSummary | None) -> dict[str, object]:
    """Name what the job was about, where another run's was about something else."""
    if other is None:
        return {}
    names = ("model", "dataset", "protocol", "seed")
    return {n: getattr(run, n) for n in names if getattr(run, n) != getattr(other, n)}


def _data(run: RunSummary, result: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    dataset, protocol = _mapping(result.get("dataset")), _mapping(result.get("protocol"))
    yield (
        "data set",
        f"{run.dataset} (synthetic, not real people)" if run.synthetic else run.dataset,
    )
    for name in ("interactions", "users", "items"):
        yield name, _counted(dataset.get(name))
    yield "protocol", run.protocol
    for name, value in _mapping(protocol.get("parameters")).items():
        yield name, value
    parts = [protocol.get(part) for part in ("train", "valid", "test")]
    if all(isinstance(part, int) for part in parts):
        yield "train / valid / test", " / ".join(f"{part:,}" for part in parts)
    yield "leaks", str(protocol.get("leaks") or "").removeprefix("Leaks ")
    yield "refit of", run.refit_of
    yield "updated from", run.updated_from
    features = _mapping(result.get("features"))
    yield "features", features.get("schema")
    yield "histories see", " and ".join(features.get("scopes") or ()) or None
    for name, value in _mapping(result.get("counts")).items():
        yield "users judged" if name == "users" else name.replace("_", " "), _counted(value)
    if run.origin == "external":
        yield "scores from", run.params.get("file")
        yield "that file", said_of_file(_mapping(result.get("file_counts")))
    yield "split", run.split_fingerprint


def _counted(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value


def _cost(run: RunSummary, result: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "run", run.run_id
    yield "model", run.model
    yield "seed", run.seed
    if run.fit_seconds is not None:
        yield "fit", show.seconds(run.fit_seconds)
    evaluated, memory = result.get("eval_seconds"), result.get("peak_rss_mb")
    if is_finite_number(evaluated) and not run.refit_of:  # which is not judged
        yield "evaluation", show.seconds(evaluated)
    if is_finite_number(memory):
        yield "peak memory", f"{memory:,.0f} MB"
    yield "folder", str(run.folder)


def _files(run: RunSummary) -> Iterator[tuple[str, object]]:
    """List what lies in the folder, with its size."""
    try:
        paths = sorted(run.folder.iterdir())
    except OSError:
        return
    for path in paths:
        with suppress(OSError):  # a file that goes while we look
            inside = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
            size = sum(entry.stat().st_size for entry in inside)
            yield path.name + ("/" if path.is_dir() else ""), show.size(size)


def _machine(environment: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name in ("python", "platform", "cpu_count", "threads", "device", "git_revision"):
        yield name.replace("_", " "), environment.get(name)
    for name, value in _mapping(environment.get("processor")).items():
        yield f"processor: {name}", value
    yield from _mapping(environment.get("packages")).items()


def _pairs(pairs: Iterator[tuple[str, object]]) -> Iterator[tuple[Cell, ...]]:
    known = [(plain(name), value) for name, value in pairs if value not in (None, "")]
    if not known:
        yield (Cell("not known yet", "muted"),)
        return
    width = max(len(name) for name, _ in known)
    for name, value in known:
        text = f"{value:,}" if type(value) is int and value > 9999 else show.parameter(value)
        yield Cell(f"{name:<{width}}  ", "muted"), Cell(plain(text))


def curve_section(files: Files, width: int, *, rows: int | None = None) -> Section | None:
    """Draw a chart for each value of the learning curve, side by side as far as they fit.

    Parameters
    ----------
    rows
        How many rows of charts there is room for; None: for all.
    """
    unit = common_unit([files.curves])
    named = {name: files.curves.points(name, unit) for name in files.curves.series}
    drawn = {name: points for name, points in named.items() if len(points) > 1}
    if not drawn or width < _CHART_LEAST:
        return None
    across = max(1, min(len(drawn), width // _CHART_MINIMUM))
    chart_width = min(_CHART_WIDTH, width // across - _CHART_GAP)
    charts = [
        draw_chart(titled(name), points, chart_width, _CHART_HEIGHT, unit)
        for name, points in list(drawn.items())[: None if rows is None else rows * across]
    ]
    lines: list[tuple[Cell, ...]] = []
    for start in range(0, len(charts), across):
        for parts in zip(*charts[start : start + across], strict=True):
            lines += [tuple(Cell(f"{part:<{chart_width + _CHART_GAP}}") for part in parts)]
    return Section("Learning curve", tuple(lines))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
