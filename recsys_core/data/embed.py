"""`data embed`: vectors of the texts of users or items, made here and kept in the data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Column, Dataset, Vectors
from recsys_core.data.prepared import find_prepared, write_prepared
from recsys_core.data.text_vectors import text_vectors
from recsys_core.errors import InputError, unknown_name
from recsys_core.events import Event, OnEvent, ignore

Side = Literal["user", "item"]


@dataclass(frozen=True)
class Recipe:
    """How vectors are made.

    Parameters
    ----------
    side
        Of users or items.
    columns
        The attributes that make up the text, in this order.
    name
        What the vectors are called.
    model, size
        As of `text_vectors`.
    """

    side: Side
    columns: tuple[str, ...]
    name: str
    model: str
    size: int | None = None

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Recipe:
        """Take back what meta.json says; a KeyError, TypeError or ValueError for anything else."""
        side, columns, size = values["side"], values["columns"], values["size"]
        if side not in ("user", "item") or not isinstance(size, int | None):
            raise ValueError("no recipe of vectors")
        return cls(side, tuple(map(str, columns)), str(values["name"]), str(values["model"]), size)


def embed(dataset: Dataset, data_dir: Path, recipe: Recipe, on_event: OnEvent = ignore) -> Dataset:
    """Make vectors of texts, and write the registered set with them.

    Vectors of the same name that were made before are replaced. The fingerprint of the set changes.

    Raises
    ------
    InputError
        The set has no such attribute, or one of the vectors' name; or there is no such model.
    """
    prepared = find_prepared(data_dir, dataset.name)
    assert prepared is not None  # it was loaded from there
    meta = prepared.meta
    others = [
        entry
        for entry in meta.get("embedded", [])
        if (entry["side"], entry["name"]) != (recipe.side, recipe.name)
    ]
    columns = dataset.columns[recipe.side]
    if recipe.name in columns and len(others) == len(meta.get("embedded", [])):
        raise InputError(
            f"{recipe.side}s of {dataset.name} have '{recipe.name}' already",
            "give the vectors another name with recsys-workbench data embed NAME --as",
        )
    on_event(Event("embed", message=f"making vectors of {', '.join(recipe.columns)}"))
    texts = _texts(columns, recipe, dataset.name)
    values = text_vectors(texts, recipe.model, recipe.size, on_event)
    changed = {**columns, recipe.name: Vectors(values)}
    made = (
        replace(dataset, user_columns=changed)
        if recipe.side == "user"
        else replace(dataset, item_columns=changed)
    )
    vars(made)["timeline"] = dataset.timeline
    counts = {"matched": int(np.count_nonzero(~np.isnan(values[:, 0]))), "of": len(values)}
    entry = {**asdict(recipe), **counts, "length": values.shape[1]}
    write_prepared(
        *(data_dir, made, meta["source"], meta["bad_rows"], meta["summary"]),
        embedded=[*others, entry],
    )
    return made


def embed_again(
    dataset: Dataset, data_dir: Path, recipes: Sequence[Recipe], on_event: OnEvent
) -> Dataset:
    """Make the vectors of a set anew that was prepared again; say which cannot be made."""
    for recipe in recipes:
        try:
            dataset = embed(dataset, data_dir, recipe, on_event)
        except InputError as error:
            lost = f"the vectors '{recipe.name}' of {dataset.name} are gone: {error.problem}"
            on_event(Event("load", message=f"{lost}; recsys-workbench data embed makes them"))
    return dataset


def _texts(columns: Mapping[str, Column], recipe: Recipe, name: str) -> list[str]:
    """Write the attributes of each row as one text; empty where there is none."""
    usable = [key for key, column in columns.items() if not isinstance(column, Vectors)]
    parts = []
    for key in recipe.columns:
        if key not in usable:
            if not usable:
                raise InputError(
                    f"{recipe.side}s of {name} have no attributes",
                    f"import a table of them: recsys-workbench data import PATH --{recipe.side}s",
                )
            raise unknown_name(f"attribute of {recipe.side}s of {name}", key, usable)
        parts.append([_as_text(value) for value in plain_values(columns[key])])
    return [". ".join(filter(None, row)) for row in zip(*parts, strict=True)]


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else value or ""
