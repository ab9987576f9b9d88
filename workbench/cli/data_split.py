"""`data split`: the parts of a split as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from workbench.cli.completing import dataset_names
from workbench.cli.context import Settings, pass_settings
from workbench.cli.data_options import as_json_option, events_option, following
from workbench.cli.data_tables import print_json
from workbench.cli.table import print_table


@click.command("split")
@click.argument("name", shell_complete=dataset_names)
@click.option(
    "--protocol",
    default="user-timeline",
    show_default=True,
    metavar="NAME",
    help="How the data is split.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="protocol.FIELD=VALUE",
    help="Change a field of the protocol. Repeatable.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write to; it must not exist yet.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "parquet", "inter"]),
    default="csv",
    show_default=True,
    help="Kind of the files; inter: RecBole's atomic files.",
)
@as_json_option
@events_option
@pass_settings
def split_command(
    settings: Settings,
    name: str,
    protocol: str,
    changes: tuple[str, ...],
    folder: Path,
    file_format: Literal["csv", "parquet", "inter"],
    as_json: bool,
    events: bool,
) -> None:
    """Write the train, validation and test rows of the data set NAME to files.

    Ids are those of the data set's source. Items that the protocol draws as rows of label 0
    (negatives) are in files of their own, e.g. test.drawn.csv. Beside the files, split.json has the
    split's fingerprint, protocol and counts. `data import DIR` reads the folder back, for protocol
    given.
    """
    from recsys_core.data.load import load_dataset
    from recsys_core.protocols.export import write_split
    from recsys_core.protocols.registry import make_protocol
    from recsys_core.protocols.split import require_one_window
    from recsys_core.ranking.rows import drawn_rows
    from workbench.cli.specs import PROTOCOL, parse_change

    values: dict[str, Any] = {"name": protocol}
    for text in changes:
        prefixed = text if text.startswith(f"{PROTOCOL}.") else f"{PROTOCOL}.{text}"
        _, field, value = parse_change(prefixed)
        values[field] = value
    chosen = make_protocol(values)
    with following(name, events) as on_event:
        dataset = load_dataset(name, settings.data_dir, offline=True, on_event=on_event)
        cut = chosen.split(dataset)
        require_one_window(cut, "a folder holds")
        about = write_split(cut, folder, file_format, on_event, drawn_rows(cut))
    if as_json:
        print_json(about)
        return
    rows = [(str(folder / about["files"][part]), count) for part, count in about["rows"].items()]
    print_table(("file", "rows"), rows)
    click.echo(f"\nfingerprint {about['fingerprint']}\n{about['leaks']}")
