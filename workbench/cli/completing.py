"""What can stand in a place of the command line, for shells that complete it.

What is offered is read from folders and from the catalogue of models as it was last made: nothing
is imported, trained or made for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from workbench.store.text import plain

if TYPE_CHECKING:
    from workbench.jobs.catalogue import Catalogue

Items = list[CompletionItem[str]]


def _starting(incomplete: str, items: Iterator[CompletionItem[str]]) -> Items:
    """Keep what begins so, each text once, of texts that are one word and steer no terminal."""
    kept = {}
    for item in items:
        text = item.value
        if text.startswith(incomplete) and text == plain(text) and not set(text) & set(" '\""):
            kept[text] = CompletionItem(text, help=plain(item.help or ""))
    return list(kept.values())


def _folder(ctx: click.Context, option: str) -> Path:
    """Take a folder from the line; no callback of the group has run yet."""
    return Path(ctx.find_root().params[option])


def _runs(ctx: click.Context, archived: bool = False) -> Iterator[CompletionItem[str]]:
    from workbench.store.listing import list_runs
    from workbench.store.manage import ARCHIVE
    from workbench.store.runs import word_of

    folder = _folder(ctx, "runs_dir")
    for run in list_runs(folder / ARCHIVE if archived else folder):
        state = word_of(run.state, run.reason)
        yield CompletionItem(run.run_id, help=f"{run.label} on {run.dataset}, {state}")


def _labels(ctx: click.Context) -> Iterator[CompletionItem[str]]:
    from workbench.store.listing import list_runs

    for run in list_runs(_folder(ctx, "runs_dir")):
        yield CompletionItem(run.label, help=f"the newest run is {run.run_id}")


def run_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer ids of runs, the newest first."""
    return _starting(incomplete, _runs(ctx))


def archived_run_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer ids of archived runs."""
    return _starting(incomplete, _runs(ctx, archived=True))


def runs_and_labels(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer labels, then ids, of runs."""
    return [*_starting(incomplete, _labels(ctx)), *_starting(incomplete, _runs(ctx))]


def dataset_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer data sets, those on this machine first, and paths."""
    from recsys_core.data.registered import list_datasets

    sets = list_datasets(_folder(ctx, "data_dir"))
    found = (CompletionItem(each["name"], help=each["state"]) for each in sets)
    # a shell completes a path itself, but only if nothing else is offered
    return _starting(incomplete, found) or [CompletionItem(incomplete, type="file")]


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer models, those of other packages too."""
    from recsys_core import registry

    return _starting(incomplete, map(CompletionItem, registry.model_names()))


def models_and_labels(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the labels of runs, then models."""
    labels = _starting(incomplete, _labels(ctx))
    known = {item.value for item in labels}
    models = model_names(ctx, param, incomplete)
    return [*labels, *(item for item in models if item.value not in known)]


def _jobs(ctx: click.Context, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """List what stands before a field, and the model whose field it is."""
    if model := ctx.params.get("model"):
        yield "", model
    for suite in catalogue.suites:
        if suite["name"] == ctx.params.get("suite"):
            for job in suite["jobs"]:
                yield f"{job['label'] or job['model']}.", job["model"]


def fields_to_set(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Offer the keys of `--set`: fields of the model or of a suite's labels, and the protocol's."""
    from workbench.jobs.catalogue import catalogue_path, read_catalogue

    catalogue = read_catalogue(catalogue_path())
    if catalogue is None:  # it is made with the next `models list`, which takes seconds
        return []
    prefixed = {}
    for prefix, model in _jobs(ctx, catalogue):
        if model in catalogue.models:
            prefixed[prefix] = catalogue.models[model].schema
    protocol = catalogue.protocols.get(ctx.params.get("protocol") or "user-timeline")
    if protocol:
        prefixed["protocol."] = protocol["schema"]
    found = (
        CompletionItem(f"{prefix}{name}=", help=str(field.get("description", "")).split("\n")[0])
        for prefix, schema in prefixed.items()
        for name, field in (schema or {}).get("properties", {}).items()
    )
    return _starting(incomplete, found)
