"""`models export`: a run's model as files that need nothing of this program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recsys_core.run_folder import check_has_model
from workbench.cli.chosen import chosen_runs
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings
from workbench.cli.options import JobOptions
from workbench.cli.progress import at_work
from workbench.cli.table import say

if TYPE_CHECKING:
    from recsys_core.export.part import ExportFormat


@click.command("export")
@click.argument("run", metavar="RUN", shell_complete=runs_and_labels)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["onnx", "faiss", "npz"]),
    required=True,
    help="onnx: networks as graphs, what surrounds them as arrays (ranking models, towers, "
    "two-stage); faiss: item vectors in an index; npz: arrays and a formula.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write to; it must not exist yet.",
)
@click.option("--quiet", is_flag=True, help="Print only results and errors, no progress.")
@click.option("--plain", is_flag=True, help="Print progress as lines of text.")
@pass_settings
def export_command(
    settings: Settings,
    run: str,
    file_format: ExportFormat,
    folder: Path,
    quiet: bool,
    plain: bool,
) -> None:
    """Write the model of RUN, and what it knows of users, for use without this program.

    RUN is a run id, its start or end, a label (its newest run), or a run folder. The folder holds
    ids and histories of users: guard it like the data.
    """
    (found,) = chosen_runs(settings, [run])
    check_has_model(found.metrics, found.path)
    with at_work(JobOptions(quiet=quiet, plain=plain)) as display:
        from recsys_core.export.run import export_run

        display.begin(str(found.metrics["label"]), 0, 0)
        manifest = export_run(found.path, settings.data_dir, file_format, folder, display.event)
    size = sum(file["bytes"] for file in manifest["files"].values())
    say(f"{len(manifest['files'])} files, {size / 1e6:,.1f} MB, written to {folder}")
