"""The job that fits a run's model on all rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError
from workbench.cli.chosen import chosen_runs
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions, refuse_any
from workbench.store.listing import list_runs

if TYPE_CHECKING:
    from recsys_core.pipeline.spec import JobSpec


def check_refit_options(others: Iterable[Any], options: JobOptions) -> None:
    """Raise InputError for options that would make the job another one, or judge it.

    Parameters
    ----------
    others
        Values of options that name a model or its fields; None and empty ones were not given.
    """
    spec = (options.dataset, options.protocol, options.ks, options.changes, options.seeds)
    refuse_any(
        (*others, *spec),
        "--refit fits the job of a run unchanged: --model, --config, --set, --dataset and the "
        "like are not allowed",
        "leave them out, or train a new run without --refit",
    )
    if options.gates or options.baseline is not None or options.tolerances:
        raise InputError(
            "--refit learns from all rows, so there are none to judge it on: --gate and --baseline "
            "are not allowed",
            "leave them out; the run that it repeats was judged",
        )


def job_of_refit(text: str, label: str, options: JobOptions, settings: Settings) -> JobSpec:
    """Make the job that fits on all rows what a run chose.

    Raises
    ------
    InputError
        There is no such run, it did not succeed, or it cannot be refitted.
    """
    from recsys_core.pipeline.refit import refit_spec
    from recsys_core.pipeline.spec import read_stored
    from workbench.cli.specs import changed_job

    (run,) = chosen_runs(settings, [text])

    def find_refit(folder: Path) -> Path:
        for found in list_runs(settings.runs_dir):  # the newest first
            if found.refit_of == folder.name and found.state == "succeeded":
                return found.folder.absolute()
        raise InputError(
            f"run {run.run_id} takes a model from run {folder.name}, which has to be fitted on all "
            "rows first",
            f"recsys-workbench train --refit {folder.name}, then this again",
        )

    spec = read_stored(run.spec, f"{run.path}/spec.yaml")
    spec = refit_spec(spec, run.path, find_refit, label)
    return changed_job(spec, ("threads", "nproc", "device"), options)
