"""What people see of a report, before any format: tables by stage, seeds folded, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recsys_core.evaluation.file_counts import said_of_file
from recsys_core.evaluation.names import higher_is_better, is_descriptive, split_part
from recsys_core.values import counted
from workbench.reports.folder import mean
from workbench.reports.metrics import headline_first

STAGES = {
    "recall": "Recall (candidate generation)",
    "two-stage": "Two-stage",
    "ranking": "Ranking",
}

#: headings for the parts of a run
PART_HEADINGS = {
    "channel": "Channels alone",
    "candidates": "Candidates, before and after ranking",
    "merge": "Candidates, before and after ranking",
    "gain": "Candidates, before and after ranking",
    "oracle": "Candidates, before and after ranking",
    "segment": "Segments",
    "new": "New items alone",
    "spread": "Over windows: standard deviation",
    "window": "Window from",
}


@dataclass(frozen=True)
class Cell:
    """One metric of one label.

    Parameters
    ----------
    mean, sd
        Over seeds; `sd` is None with one seed. With several windows `sd` is over these.
    ci95
        Over users; None with several seeds, whose spread is `sd`.
    reference
        The published figure and its source.
    best
        Whether no other label of the table is better; never with a single label.
    """

    mean: float | None
    sd: float | None = None
    ci95: tuple[float, float] | None = None
    reference: tuple[float, str] | None = None
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One label: its runs that have a result, folded over seeds."""

    label: str
    model: str
    seeds: tuple[int, ...]
    cells: Mapping[str, Cell]
    fit_seconds: float | None
    peak_rss_mb: float | None
    runs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class StageTable:
    """The labels of one stage, which share their metrics."""

    stage: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """The stage's name for people."""
        return STAGES.get(self.stage, self.stage)

    @property
    def blocks(self) -> list[tuple[str, tuple[str, ...]]]:
        """Metrics in groups that fit side by side, each with a heading; the first is the main one.

        One group a cut-off K, one for the metrics of popular and rare items, and one for those
        that describe its lists; a ranking stage has one group without a heading.
        """
        groups: dict[str, list[str]] = {}
        for metric in self.metrics:
            part, own = split_part(metric)
            if part:
                kind, _, window = part.partition("/")
                heading = PART_HEADINGS[kind]
                heading += f" {window}" if kind == "window" else ""
                groups.setdefault(heading, []).append(metric)
                continue
            kind, _, cutoff = own.partition("@")
            heading = f"Lists of {cutoff}" if cutoff else ""
            if is_descriptive(metric):
                heading += ": what is in them"
            elif cutoff and "/" in kind:
                heading += ": popular and rare items apart"
            groups.setdefault(heading, []).append(metric)
        if not groups:  # runs that were not judged
            return [("", ())]
        return [(heading, tuple(metrics)) for heading, metrics in groups.items()]


def stage_tables(report: Mapping[str, Any]) -> list[StageTable]:
    """Fold the runs of a report into one table per stage, labels in the order of the report."""
    done = [run for run in report["runs"] if run["status"] == "succeeded"]
    summary = {(row["label"], row["metric"]): row for row in report["summary"]}
    tables = []
    for stage in dict.fromkeys([*STAGES, *(run["stage"] for run in done)]):
        runs = [run for run in done if run["stage"] == stage]
        if runs:
            tables.append(_stage_table(stage, runs, summary))
    return tables


def _stage_table(
    stage: str,
    runs: Sequence[Mapping[str, Any]],
    summary: Mapping[tuple[str, str], Mapping[str, Any]],
) -> StageTable:
    metrics = tuple(headline_first({metric for run in runs for metric in run["metrics"]}))
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault(run["label"], []).append(run)
    best = _best_values(metrics, groups, summary)
    rows = []
    for label, group in groups.items():
        cells = {
            metric: _cell(
                group,
                summary[label, metric],
                best[metric],
                summary.get((label, f"spread/{metric}"), {}).get("mean"),
            )
            for metric in metrics
            if (label, metric) in summary
        }
        rows.append(
            Row(
                label=label,
                model=group[0]["model"],
                seeds=tuple(run["seed"] for run in group),
                cells=cells,
                fit_seconds=mean([run["fit_seconds"] for run in group]),
                peak_rss_mb=mean([run["peak_rss_mb"] for run in group]),
                runs=group,
            )
        )
    return StageTable(stage, metrics, tuple(rows))


def _best_values(
    metrics: Sequence[str],
    groups: Mapping[str, Any],
    summary: Mapping[tuple[str, str], Mapping[str, Any]],
) -> dict[str, float | None]:
    """Find each metric's best mean; None where there is nothing to compare."""
    best: dict[str, float | None] = {}
    for metric in metrics:
        rows = [summary[label, metric] for label in groups if (label, metric) in summary]
        means = [row["mean"] for row in rows if row["mean"] is not None]
        choose = max if higher_is_better(metric) else min
        best[metric] = choose(means) if len(means) > 1 and len(set(means)) > 1 else None
    return best


def _cell(
    group: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    best: float | None,
    spread: float | None,
) -> Cell:
    metric = row["metric"]
    interval = group[0]["ci95"].get(metric) if len(group) == 1 else None
    if interval is not None and None in interval:
        interval = None
    figure = group[0]["reference"].get(metric)
    return Cell(
        mean=row["mean"],
        sd=row["sd"] if spread is None else spread,
        ci95=tuple(interval) if interval else None,
        reference=(figure["value"], figure["source"]) if figure else None,
        best=best is not None and row["mean"] == best,
    )


def unfinished(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the runs without a result."""
    return [run for run in report["runs"] if run["status"] != "succeeded"]


def title(report: Mapping[str, Any]) -> str:
    """Name suite, data set and protocol."""
    dataset, protocol = report["dataset"]["name"], report["protocol"]["name"]
    return f"{report['suite']} on {dataset}, {protocol}"


def verdict(report: Mapping[str, Any]) -> str:
    """Say in a sentence what the exit code stands for."""
    judged = [row for row in [*report["gates"], *report["baseline"]] if row["passed"] is not None]
    missed = sum(not row["passed"] for row in judged)
    runs, broken = report["runs"], len(unfinished(report))
    said = []
    if broken:
        word = "interrupted: " if report["exit_code"] == 130 else ""
        said.append(f"{word}{broken} of {counted(len(runs), 'run')} without a result")
    if missed:
        said.append(f"{missed} of {counted(len(judged), 'condition')} not met")
    elif judged:
        said.append(
            "the condition is met" if len(judged) == 1 else f"all {len(judged)} conditions met"
        )
    text = "; ".join(said) or "all runs succeeded"
    return f"{text[0].upper()}{text[1:]}."


def notes(report: Mapping[str, Any]) -> list[str]:
    """Sentences without which the figures cannot be read rightly."""
    return [
        *_data_notes(report["dataset"]),
        *_protocol_notes(report["protocol"]),
        *_left_out_notes(report.get("left_out", ())),
        *_user_notes(report["runs"]),
        *_file_notes(report["runs"]),
        *_problem_notes(report["runs"]),
        *_history_notes(report["runs"]),
        *_refit_notes(report["runs"]),
        *_seed_notes(report),
        *_reference_notes(report["runs"]),
        *filter(None, [report.get("baseline_note")]),
    ]


def _data_notes(dataset: Mapping[str, Any]) -> list[str]:
    if dataset["interactions"] is None:
        return []
    sizes = [counted(dataset[f"{what}s"], what) for what in ("interaction", "user", "item")]
    found = [f"Data: {dataset['name']}, {', '.join(sizes)}."]
    if dataset.get("labelled"):
        found.append("Labels: events with label 1 are relevant; recall models learn from them.")
    if dataset["synthetic"]:
        found.append("SYNTHETIC data: generated, so no figure here says anything about people.")
    return found


def _protocol_notes(protocol: Mapping[str, Any]) -> list[str]:
    if protocol["train"] is None:
        return []
    rows = ", ".join(f"{part} {protocol[part]:,}" for part in ("train", "valid", "test"))
    found = [f"Protocol: {protocol['name']}, rows: {rows}."]
    if protocol["leaks"]:
        found.append(_sentence(protocol["leaks"]))
    parameters = protocol["parameters"] or {}
    if parameters.get("known_items") == "allow":
        found.append("Lists may hold items that their users know (known_items: allow).")
    if parameters.get("negatives"):
        found.append(
            f"Ranking rows: each event beside {counted(parameters['negatives'], 'item')} drawn as"
            " label 0"
            f" ({parameters.get('negative_sampler', 'uniform')}), once for all models."
        )
    left_out = {name: n for name, n in (protocol["counts"] or {}).items() if n}
    if left_out:
        listed = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in left_out.items())
        found.append(f"Protocol counts: {listed}.")
    return found


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def by_reason(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    """Gather the labels that were left out for one reason."""
    found: dict[str, list[str]] = {}
    for label, reason in left_out.items():
        found.setdefault(reason, []).append(label)
    return found


def _left_out_notes(left_out: Sequence[Mapping[str, str]]) -> list[str]:
    reasons = by_reason({row["label"]: row["reason"] for row in left_out})
    return [f"Left out: {', '.join(labels)}: {reason}." for reason, labels in reasons.items()]


#: count -> what is counted (a noun that may get an s), what else is said of it
_RECALL_COUNTS = {
    "users": ("user", "judged"),
    "users_without_relevant": ("", "left out (no relevant test item)"),
    "cold_users": ("", "without history"),
    "cold_items": ("test item", "without training rows"),
    "known_targets": (
        "relevant test item",
        "left out of lists as known (known_items: exclude), counted as missed",
    ),
}
_RANKING_COUNTS = {
    "users": ("user", "judged"),
    "gauc_users_left_out": ("", "left out of GAUC (rows of one class only)"),
    "cold_users": ("", "without history"),
    "cold_items": ("test item", "without training rows"),
}


def _user_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Count who was judged and who was left out, once per stage."""
    found = []
    done = [run for run in runs if run["status"] == "succeeded"]
    for stage in dict.fromkeys(run["stage"] for run in done):
        counts = next(run["counts"] for run in done if run["stage"] == stage)
        words = _RANKING_COUNTS if stage == "ranking" else _RECALL_COUNTS
        parts = [
            f"{counted(counts[name], noun) if noun else format(counts[name], ',')} {text}"
            for name, (noun, text) in words.items()
            if counts.get(name)
        ]
        if parts:
            found.append(f"{stage.capitalize()}: {', '.join(parts)}.")
    return found


def _problem_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which metrics of extensions have no value, once per reason."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for metric, problem in run.get("problems", {}).items():
            found.setdefault(problem, {})[f"{run['label']}:{metric}"] = None
    return [
        f"No value of {', '.join(where)}: {problem}; fix or uninstall the extension, then run it"
        " again."
        for problem, where in found.items()
    ]


def origin_mark(run: Mapping[str, Any]) -> str:
    """Mark the label of a run whose scores come from elsewhere."""
    return " (external)" if run.get("origin") == "external" else ""


def _file_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what the files of scores from elsewhere held."""
    return [
        f"Scores from elsewhere: {run['label']} ({run['params'].get('file', 'a file')});"
        f" {said_of_file(run['file_counts'])}."
        for run in runs
        if run.get("origin") == "external" and run["status"] == "succeeded"
    ]


_HISTORIES = {
    "earlier": "only events earlier than the row",
    "others": "every other known event of the user or item, later ones too",
}


def _history_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what the histories of ranking models saw: it decides what a figure means."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        scopes = tuple(run["features"].get("scopes", ()))
        if scopes and run["label"] not in seen.setdefault(scopes, []):
            seen[scopes].append(run["label"])
    return [
        f"History features use {' and '.join(map(_HISTORIES.__getitem__, scopes))}"
        f" ({', '.join(labels)})."
        for scopes, labels in seen.items()
    ]


def _refit_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which runs learned from all rows, so that nothing is left to judge them on."""
    return [
        f"Fitted on all rows, not judged: {run['label']}, a repetition of run {run['refit_of']}."
        for run in runs
        if run.get("refit_of")
    ]


def _seed_notes(report: Mapping[str, Any]) -> list[str]:
    found = []
    windows = (report["protocol"]["parameters"] or {}).get("dates")
    if windows:
        dates = ", ".join(windows)
        found.append(f"Means over windows from {dates}; ± is their standard deviation.")
    if len(report["seeds"]) > 1:
        seeds = ", ".join(str(seed) for seed in report["seeds"])
        spread = "" if windows else "; ± is their standard deviation"
        found.append(f"Means over seeds {seeds}{spread}.")
    reused = sum(run["reused"] for run in report["runs"])
    if reused:
        found.append(
            f"{reused} of {counted(len(report['runs']), 'run')} reused from an earlier command."
        )
    return found


def _reference_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    sources = dict.fromkeys(
        figure["source"] for run in runs for figure in run["reference"].values()
    )
    return [f"Published figures: {'; '.join(sources)}."] if sources else []
