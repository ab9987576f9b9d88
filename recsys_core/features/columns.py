"""Where the raw values of a feature come from."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from recsys_core.data.dataset import Categorical, Column, Dataset, MultiCategorical, Numeric, Text
from recsys_core.errors import InputError, unknown_name
from recsys_core.protocols.interactions import Interactions

Source = Literal["user", "item", "interaction"]
Kind = Literal["categorical", "multi", "numeric"]
Values = Categorical | MultiCategorical | Numeric

#: the column of a side's own ids
ID_COLUMNS = {"user": "user_id", "item": "item_id"}
#: what is known of a row itself; the rating is the label and never a feature
INTERACTION_COLUMNS = ("timestamp", "hour", "weekday")


def check_column(source: Source, column: str, kind: Kind, dataset: Dataset, where: str) -> None:
    """Raise InputError unless `dataset` has the column and it can be read as `kind`.

    Parameters
    ----------
    where
        File, line and feature, for the message.
    """
    if source == "interaction":
        if column == "rating":
            raise InputError(
                f"{where}: the rating is what is predicted", "remove the feature from the schema"
            )
        if column not in INTERACTION_COLUMNS:
            raise unknown_name(f"column of {where}", column, INTERACTION_COLUMNS)
        if not dataset.timed:
            raise InputError(f"{where}: {dataset.name} has no timestamps", "remove the feature")
        if kind == "multi":
            raise InputError(f"{where}: {column} has one value a row", "set kind: categorical")
        return
    columns = _columns(source, dataset)
    if column not in columns and column != ID_COLUMNS[source]:
        usable = [name for name, values in columns.items() if not isinstance(values, Text)]
        raise unknown_name(
            f"column of {where} ({dataset.name})", column, [ID_COLUMNS[source], *usable]
        )
    values = columns.get(column)
    if isinstance(values, Text):
        raise InputError(f"{where}: {column} is free text", "remove the feature from the schema")
    if isinstance(values, MultiCategorical) != (kind == "multi"):
        remedy = "set kind: multi" if kind != "multi" else "set kind: categorical"
        several = "several values" if kind != "multi" else "one value"
        raise InputError(f"{where}: {column} has {several} a row", remedy)


def side_values(source: Source, column: str, dataset: Dataset) -> Values:
    """Read a column of all users or items; one entry each."""
    columns = _columns(source, dataset)
    if column in columns:
        values = columns[column]
        assert not isinstance(values, Text)
        return values
    ids = dataset.user_ids if source == "user" else dataset.item_ids
    return Categorical(np.arange(len(ids), dtype=np.int32), ids)


def row_values(column: str, rows: Interactions) -> Numeric:
    """Compute a column of the rows themselves; hours 0 to 23 and weekdays (0 is Monday) in UTC."""
    time = rows.timestamp
    if column == "hour":
        time = time // 3600 % 24
    elif column == "weekday":
        time = (time // 86_400 + 3) % 7  # 1970-01-01 was a Thursday
    return Numeric(time.astype(np.float32))


def _columns(source: Source, dataset: Dataset) -> dict[str, Column]:
    return dataset.user_columns if source == "user" else dataset.item_columns


def as_categories(values: Categorical | Numeric) -> Categorical:
    """Make every distinct number a category, written as text; NaN is missing."""
    if isinstance(values, Categorical):
        return values
    numbers, codes = np.unique(values.values, return_inverse=True)
    known = ~np.isnan(numbers)
    text = np.array([f"{number:g}" for number in numbers[known].tolist()], dtype=np.str_)
    codes = np.where(np.isnan(values.values), -1, codes)
    return Categorical(codes.astype(np.int32), text)


def as_numbers(values: Any, where: str) -> Numeric:
    """Read categories whose names are numbers as numbers.

    Raises
    ------
    InputError
        A category's name is not a number.
    """
    if isinstance(values, Numeric):
        return values
    try:
        numbers = values.vocabulary.astype(np.float32)
    except ValueError:
        example = next(name for name in values.vocabulary.tolist() if not _is_number(name))
        raise InputError(
            f"{where}: '{example}' is not a number", "use the transform vocabulary"
        ) from None
    numbers = np.append(numbers, np.float32(np.nan))  # code -1 is missing
    return Numeric(numbers[values.codes])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
