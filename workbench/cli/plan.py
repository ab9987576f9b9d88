"""Jobs and what is asked of their results: all is checked before the first job starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from recsys_core.errors import InputError, no_such_file, unknown_name
from recsys_core.evaluation.names import (
    ACCURACY_METRICS,
    row_metrics,
    split_part,
    topk_metrics,
)
from recsys_core.pipeline.spec import JobSpec, stage_of
from recsys_core.pipeline.suites import Reference, Suite
from recsys_core.pipeline.update import Origin
from recsys_core.protocols.registry import make_protocol
from recsys_core.reading import is_file
from recsys_core.registry import Stage
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.specs import changed_suite, specs_of_suite
from workbench.reports.baseline import Baseline, check_baseline, parse_tolerance, read_baseline
from workbench.reports.gates import Gate, check_gates, parse_gate
from workbench.reports.notes import by_reason
from workbench.reports.write import check_report_path
from workbench.store.manage import resolve_run
from workbench.store.runs import check_writable


@dataclass(frozen=True)
class Plan:
    """Jobs to do and what is asked of their results.

    Parameters
    ----------
    name
        The suite's, for reports; ``train`` for the jobs of one model.
    references
        Published figures: label -> metric -> figure.
    named
        Whether the models were named one by one: then none of them may be left out.
    left_out
        Why jobs of a suite are left out, by label: their models cannot learn from the data.
    origin
        Of an update: the run before, seen from the data, as soon as they have been read.
    """

    name: str
    specs: list[JobSpec]
    gates: list[Gate]
    baseline: Baseline | None
    reports: tuple[Path, ...]
    references: Mapping[str, Mapping[str, Reference]] = field(default_factory=dict)
    named: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None

    def without(self, lacks: Mapping[str, InputError]) -> Plan:
        """Leave out the jobs that cannot learn from the data.

        Parameters
        ----------
        lacks
            Label -> why.

        Raises
        ------
        InputError
            One of them was named on the command line or has a gate or a baseline, or none is left.
        """
        for label, lack in lacks.items():
            if self.named or len(lacks) == len(_stages(self.specs)):
                raise InputError(f"{label}: {lack.problem}", lack.remedy)
            judged = [str(gate) for gate in self.gates if gate.label == label]
            if self.baseline is not None and label in self.baseline.values:
                judged.append(self.baseline.name)
            if judged:
                raise InputError(
                    f"{judged[0]} judges {label}, which cannot run here: {lack.problem}",
                    "remove the condition, or evaluate on another data set",
                )
        if not lacks:
            return self
        return replace(
            self,
            specs=[spec for spec in self.specs if spec.name not in lacks],
            references={x: each for x, each in self.references.items() if x not in lacks},
            left_out={label: lack.problem for label, lack in lacks.items()},
        )

    def said_of_left_out(self) -> list[str]:
        """Say what is left out, a line per reason."""
        reasons = by_reason(self.left_out)
        return [f"left out: {', '.join(labels)} ({why})" for why, labels in reasons.items()]


def plan_of_suite(suite: Suite, options: JobOptions, settings: Settings, *, named: bool) -> Plan:
    """Apply the options to a suite and plan its jobs.

    Parameters
    ----------
    named
        Whether the models were named one by one.

    Raises
    ------
    InputError
        Something on the line, in the suite or about the folders is wrong.
    """
    suite = changed_suite(suite, options)
    plan = make_plan(suite.name, specs_of_suite(suite, options, settings), options, settings)
    return replace(plan, references=suite.references, named=named)


def make_plan(name: str, specs: list[JobSpec], options: JobOptions, settings: Settings) -> Plan:
    """Check what is asked of the results, as far as it can be known without the data.

    Raises
    ------
    InputError
        A gate, the baseline or a report is wrong, or the runs folder cannot be written.
    """
    stages = _stages(specs)
    topk = _topk_metrics(specs[0])
    gates = [parse_gate(text) for text in options.gates]
    check_gates(gates, stages)
    _check_gate_metrics(gates, stages, topk)
    baseline = _baseline(options, settings)
    if baseline is not None:
        check_baseline(baseline, stages)
        _check_baseline_metrics(baseline, stages, topk)
    for path in options.reports:
        check_report_path(path)
        _check_folder(path)
    if not options.estimate:
        check_writable(settings.runs_dir)
    return Plan(name, specs, gates, baseline, options.reports)


def _stages(specs: Sequence[JobSpec]) -> dict[str, Stage]:
    """Give the stage of each label, in order."""
    return {spec.name: stage_of(spec) for spec in specs}


def _check_gate_metrics(
    gates: Sequence[Gate], stages: Mapping[str, Stage], topk: Sequence[str]
) -> None:
    """Raise InputError for a gate on a metric that the label's runs will not have."""
    for gate in gates:
        stage = stages[gate.label]
        if not _has_metric(stage, gate.metric, topk):
            valid = _row_metrics() if stage == "ranking" else topk
            raise InputError(
                f"gate '{gate}': {stage} runs have no metric '{gate.metric}' here",
                f"valid for {gate.label}: {', '.join(valid)}",
            )


def _check_baseline_metrics(
    baseline: Baseline, stages: Mapping[str, Stage], topk: Sequence[str]
) -> None:
    """Raise InputError for a baseline or a tolerance of it that would judge nothing."""
    known = {
        metric
        for label, stage in stages.items()
        for metric in baseline.values.get(label, ())
        if _has_metric(stage, metric, topk)
    }
    shared = ", ".join(label for label in stages if label in baseline.values)
    for metric in baseline.tolerances if known else ():
        if metric not in known:
            raise unknown_name(f"metric in baseline {baseline.name} for {shared}:", metric, known)
    if not any(baseline.tolerance(metric) is not None for metric in known):
        cutoffs = ", ".join(dict.fromkeys(metric.partition("@")[2] for metric in topk))
        raise InputError(
            f"baseline {baseline.name} has no metric to compare {shared} with at K = {cutoffs}",
            "choose its cut-offs with --k, or another baseline",
        )


def _has_metric(stage: Stage, metric: str, topk: Sequence[str]) -> bool:
    """Tell whether runs of a stage have a metric, as far as it can be known without the data."""
    if stage == "ranking":
        name, of_task, _ = metric.partition("/")
        return name in (row_metrics() if of_task else _row_metrics())
    if metric in topk:
        return True
    return stage == "two-stage" and split_part(metric)[0] != ""


def _topk_metrics(spec: JobSpec) -> list[str]:
    """Name the metrics of lists; under a protocol with new items also those of these alone."""
    metrics = [f"{name}@{k}" for k in spec.ks for name in topk_metrics()]
    if make_protocol(spec.protocol).has_new_items:
        metrics += [f"new/{name}@{k}" for k in spec.ks for name in ACCURACY_METRICS]
    return metrics


def _row_metrics() -> list[str]:
    """List what every ranking run has; a predicted rating is of a task, ``rmse/TASK``."""
    return [name for name in row_metrics() if name != "rmse"]


def _baseline(options: JobOptions, settings: Settings) -> Baseline | None:
    tolerances = dict(parse_tolerance(text) for text in options.tolerances)
    if options.baseline is None:
        if tolerances:
            raise InputError("--tolerance needs --baseline", "add --baseline RUN|REPORT.json")
        return None
    path = Path(options.baseline)
    if not is_file(path):
        if path.suffix == ".json":
            raise no_such_file(path, "check the path of --baseline")
        path = resolve_run(settings.runs_dir, options.baseline).path
    return read_baseline(path, tolerances)


def _check_folder(report: Path) -> None:
    """Raise InputError unless the report's folder is there, or can be made, and be written."""
    folder = report.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"report {report}: cannot be written: {folder} is not a folder that can be written",
            "choose another file for --report",
        )
