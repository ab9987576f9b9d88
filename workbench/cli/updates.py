"""The job that updates a run with the events of another data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError
from workbench.cli.chosen import chosen_runs
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions, refuse_any

if TYPE_CHECKING:
    from recsys_core.pipeline.spec import JobSpec


def check_update_options(others: Iterable[Any], options: JobOptions) -> None:
    """Raise InputError for options that would make the job another one, or without new data.

    Parameters
    ----------
    others
        Values of options that name a model or its fields; None and empty ones were not given.
    """
    spec = (options.protocol, options.changes, options.seeds)
    refuse_any(
        (*others, *spec),
        "--from updates the job of a run: --model, --config, --set, --protocol, --refit and "
        "the like are not allowed",
        "leave them out, or train a new run without --from",
    )
    if options.dataset is None:
        raise InputError(
            "--from needs the data to update the run with",
            "add --dataset NAME: a data set with all events, earlier ones and new ones",
        )


def job_of_update(text: str, label: str, options: JobOptions, settings: Settings) -> JobSpec:
    """Make the job that updates a run.

    Raises
    ------
    InputError
        There is no such run, it did not succeed, or it cannot be updated.
    """
    from recsys_core.pipeline.spec import read_stored
    from recsys_core.pipeline.update import update_spec
    from workbench.cli.specs import changed_job

    (run,) = chosen_runs(settings, [text])
    assert options.dataset is not None, "checked"
    spec = read_stored(run.spec, f"{run.path}/spec.yaml")
    spec = update_spec(spec, run.path, options.dataset, label)
    return changed_job(spec, ("threads", "nproc", "device", "ks"), options)
