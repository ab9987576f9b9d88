"""Sentences without which the figures of a report cannot be read rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recsys_core.evaluation.file_counts import said_of_file
from recsys_core.values import counted, sentence


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
        *_update_notes(report["runs"]),
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
        found.append(sentence(protocol["leaks"]))
    parameters = protocol["parameters"] or {}
    if parameters.get("known_items") == "allow":
        found.append("Lists may hold items that their users know (known_items: allow).")
    if parameters.get("negatives"):
        found.append(
            f"Ranking rows: each event beside {counted(parameters['negatives'], 'item')} drawn as"
            " label 0"
            f" ({parameters.get('negative_sampler', 'uniform')}), once for all models."
        )
    counts = protocol["counts"] or {}
    if counts.get("sampled_test_users"):
        sampled, others = counts["sampled_test_users"], counts["test_users_left_out"]
        where = ", in the last window" if len(parameters.get("dates") or ()) > 1 else ""
        found.append(
            f"Judged on a sample: {sampled:,} of {sampled + others:,} users with test rows{where}"
            " (test_users); intervals are as wide as for that many users."
        )
    left_out = {name: n for name, n in counts.items() if n and name not in _SAID}
    if left_out:
        listed = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in left_out.items())
        found.append(f"Protocol counts: {listed}.")
    return found


#: counts that a sentence of their own tells
_SAID = {"sampled_test_users", "test_users_left_out"}


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


def _update_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which runs started from what earlier ones have learned."""
    return [
        f"Updated with new events: {run['label']}, from run {run['updated_from']}."
        for run in runs
        if run.get("updated_from")
    ]


def _seed_notes(report: Mapping[str, Any]) -> list[str]:
    found = []
    windows = (report["protocol"]["parameters"] or {}).get("dates")
    if windows and report["summary"]:
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


def cited(figure: Mapping[str, Any]) -> str:
    """Name the source of a published figure, and what is not comparable; once there was no note."""
    note = figure.get("note")
    return f"{figure['source']} ({note})" if note else str(figure["source"])


def _reference_notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    sources = dict.fromkeys(cited(figure) for run in runs for figure in run["reference"].values())
    return [f"Published figures: {'; '.join(sources)}."] if sources else []
