"""The search spaces of a sweep, checked against the typed fields of its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recsys_core.errors import InputError, unknown_name
from workbench.jobs.space import Space, alternatives, read_space, space_of_field

if TYPE_CHECKING:
    from recsys_core.config import Config

__all__ = ["Space", "read_spaces"]


def read_spaces(texts: Sequence[str], model: str, config: Config) -> dict[str, Space]:
    """Read ``FIELD=SPACE`` or ``FIELD``, whose space is then that of the model's field.

    Parameters
    ----------
    config
        The model's fields as they are without the sweep.

    Raises
    ------
    InputError
        No such field, not a space, or one with values that the field does not take.
    """
    schema = type(config).model_json_schema()
    spaces: dict[str, Space] = {}
    for text in texts:
        field, _, written = (part.strip() for part in text.partition("="))
        if field not in schema["properties"]:
            raise unknown_name(f"field in --sweep '{text}':", field, schema["properties"])
        if field in spaces:
            raise InputError(f"--sweep names '{field}' twice", "leave one of them out")
        entries = alternatives(schema["properties"][field], schema.get("$defs", {}))
        if written:
            whole = any(entry.get("type") == "integer" for entry in entries)
            spaces[field] = read_space(written, text, whole)
        else:
            spaces[field] = space_of_field(f"{model}.{field}", entries, getattr(config, field))
        _check_ends(spaces[field], field, model, type(config))
    return spaces


def _check_ends(space: Space, field: str, model: str, config: type[Config]) -> None:
    """Raise InputError, naming the field and the value, for what the field does not take.

    Each field is looked at alone: which values fit together is for the trials to find out.
    """
    from pydantic import ValidationError

    from recsys_core.config import parse_config

    for value in space.ends:
        try:
            config.model_validate({field: value})
        except ValidationError as error:
            if any(each["loc"] for each in error.errors()):
                parse_config(config, {field: value}, f"model {model}")
