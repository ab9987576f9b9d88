"""`--estimate`: what the jobs of a plan would take, without doing them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from recsys_core.compute.capacity import available_memory
from recsys_core.compute.rehearsal import resident_memory
from recsys_core.errors import CapacityError, InputError
from recsys_core.events import OnEvent
from recsys_core.pipeline.estimate import MIB, Estimate, estimate_job
from recsys_core.pipeline.run import reuse_key
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.update import Origin
from recsys_core.protocols.split import Split
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.plan import Plan
from workbench.cli.progress import Display
from workbench.cli.table import print_json, print_table
from workbench.cli.work import listener, name_of
from workbench.reports.metrics import memory, seconds
from workbench.store.manage import find_reusable
from workbench.store.text import plain

#: of the JSON
SCHEMA = 1


@dataclass(frozen=True)
class _Line:
    """What is known of a job before it starts.

    Parameters
    ----------
    reused
        The run that the job would reuse.
    problem
        Why the job would refuse, or why nothing is known of it.
    """

    spec: JobSpec
    estimate: Estimate | None = None
    reused: str | None = None
    problem: InputError | None = None

    @property
    def refuses(self) -> bool:
        """Whether the job would fail."""
        return isinstance(self.problem, CapacityError)

    def content(self) -> dict[str, Any]:
        """Say it as JSON does; null where it is not known."""
        names = Estimate.__dataclass_fields__
        found = asdict(self.estimate) if self.estimate else dict.fromkeys(names)
        return {
            "label": self.spec.name,
            "model": self.spec.model,
            "seed": self.spec.seed,
            **found,
            "reused": self.reused,
            "refuses": self.refuses,
            "problem": self.problem.problem if self.problem else None,
            "remedy": self.problem.remedy if self.problem else None,
            "changes": list(getattr(self.problem, "changes", ())),
        }


def estimate_plan(
    plan: Plan,
    split: Split,
    options: JobOptions,
    settings: Settings,
    display: Display,
) -> int:
    """Print what each job and all of them would take; return the exit code.

    Nothing is trained to its end and nothing is written.
    """
    lines = []
    for number, spec in enumerate(plan.specs, start=1):
        display.begin(f"estimate {number}/{len(plan.specs)} {name_of(spec, plan.specs)}", 0, 0)
        lines.append(_look(spec, split, plan.origin, options, settings, display))
    if options.as_json:
        print_json(_content(plan, split, lines))
    else:
        _print(lines, plan.specs)
    return 3 if any(line.refuses for line in lines) else 0


def _look(
    spec: JobSpec,
    split: Split,
    origin: Origin | None,
    options: JobOptions,
    settings: Settings,
    display: Display,
) -> _Line:
    if not options.fresh:
        found = find_reusable(settings.runs_dir, reuse_key(spec, split))
        if found is not None:
            return _Line(spec, reused=found.run_id)
    earlier = origin.earlier if origin else None
    try:
        found_out = estimate_job(spec, split, earlier=earlier, on_event=_steps(listener(display)))
    except InputError as error:
        return _Line(spec, problem=error)
    return _Line(spec, found_out)


def _steps(listen: OnEvent) -> OnEvent:
    """Tell how far it is, but nothing of what is learned: it is worth nothing."""
    return lambda event: listen(replace(event, metrics={}, message=""))


def _content(plan: Plan, split: Split, lines: Sequence[_Line]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "suite": plan.name,
        "dataset": split.dataset.name,
        "jobs": [line.content() for line in lines],
        "total": _total(lines),
        "available_mb": _may_hold(),
    }


def _may_hold() -> float:
    """MiB that a process like this may hold: what it has, and what is free."""
    return (available_memory() + resident_memory()) / MIB


def _total(lines: Sequence[_Line]) -> dict[str, float]:
    """Add up what is known, of jobs that run one after the other."""
    known = [line.estimate for line in lines if line.estimate is not None]
    return {
        "seconds": sum(one.fit_seconds + one.eval_seconds for one in known),
        "seconds_least": sum(one.fit_seconds_least + one.eval_seconds for one in known),
        "peak_rss_mb": max((one.peak_rss_mb for one in known), default=0.0),
        "unknown": sum(line.problem is not None for line in lines),
    }


def _print(lines: Sequence[_Line], specs: Sequence[JobSpec]) -> None:
    rows = [_cells(line, specs) for line in lines]
    total = _total(lines)
    if len(lines) > 1:
        whole = _range(total["seconds_least"], total["seconds"])
        rows.append(("all, one by one", "", "", whole, memory(total["peak_rss_mb"]), ""))
    print_table(("job", "fit", "evaluation", "both", "memory", ""), rows)
    free = _may_hold()
    sys.stdout.flush()
    for line in lines:
        if line.problem is not None:
            kind = "error" if line.refuses else "note"
            sys.stderr.write(
                f"{kind}: {plain(line.problem.problem)}\n{plain(line.problem.remedy)}\n"
            )
        elif line.estimate is not None and line.estimate.peak_rss_mb > free:
            sys.stderr.write(
                f"note: {plain(line.spec.name)} may need {memory(line.estimate.peak_rss_mb)},"
                f" a process may hold {memory(free)} here\n"
            )


def _cells(line: _Line, specs: Sequence[JobSpec]) -> tuple[str, ...]:
    name, found = name_of(line.spec, specs), line.estimate
    if found is not None:
        fit = _range(found.fit_seconds_least, found.fit_seconds)
        judging = found.eval_seconds
        both = _range(found.fit_seconds_least + judging, found.fit_seconds + judging)
        return (name, fit, seconds(judging), both, memory(found.peak_rss_mb), "")
    if line.reused is not None:
        return (name, "", "", "", "", f"reuses {line.reused}")
    return (name, "", "", "", "", "refuses" if line.refuses else "no estimate")


def _range(least: float, most: float) -> str:
    few, many = seconds(least), seconds(most)
    return many if few == many else f"{few} to {many}"
