"""A schema cut in two: what the query tower of a recall model reads, and what its item tower reads.

A query is made without knowing the item and an item vector without knowing who asks, so that all
items can stand in an index. Hence fields of users, of their histories and of the request belong to
the query, those of items to the item tower, and what takes both to be computed belongs to neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from recsys_core.errors import InputError
from recsys_core.features.feature import Feature

Tower = Literal["query", "item"]
#: a sequence that reads every event of the user
EVERY_EVENT = "all"


def tower_of(feature: Feature, others: Mapping[str, Feature]) -> Tower:
    """Tell which tower reads a feature.

    Parameters
    ----------
    others
        The features of the schema by name, for crosses and differences.

    Raises
    ------
    ValueError
        Neither can; the message says why.
    """
    if feature.embedding_size is not None:
        raise ValueError("all embeddings of towers have the size `dim`: remove embedding_size")
    if feature.source in ("cross", "difference"):
        towers = {tower_of(others[name], others) for name in feature.of}
        if len(towers) > 1:
            raise ValueError("it needs a user and an item, but a tower knows only one of them")
        return towers.pop()
    if feature.source in ("user", "item"):
        return "query" if feature.source == "user" else "item"
    if feature.source == "interaction":
        if feature.reads == "years_since_release":
            raise ValueError("it needs the item, which the query tower does not know")
        return "query"
    if feature.source == "item-history":
        raise ValueError("statistics of an item change with time, and an item has one vector")
    if feature.source == "given":
        raise ValueError("given columns exist only for the candidates of two-stage")
    _check_history(feature)
    return "query"


def _check_history(feature: Feature) -> None:
    if feature.kind == "sequence":
        if feature.reads != EVERY_EVENT or feature.weight != "none":
            raise ValueError(
                "towers read every event in order: set column: all, and event_fields: [rating] in "
                "place of liked, disliked and weight"
            )
        if feature.transform is not None or feature.pooling != "mean":
            raise ValueError(
                "towers embed events as items, and pool them by attention: leave "
                "transform and pooling out"
            )
    elif feature.compares_with_item:
        raise ValueError("it compares with the item, which the query tower does not know")
    if feature.scope == "others":
        raise ValueError("a tower learns what comes next and must not see it: set scope: earlier")


def event_sequence(features: Iterable[Feature]) -> Feature | None:
    """Find the sequence of a schema; None: it has none.

    Raises
    ------
    ValueError
        There is more than one.
    """
    found = [feature for feature in features if feature.kind == "sequence"]
    if len(found) > 1:
        names = " and ".join(feature.name for feature in found)
        raise ValueError(f"a tower reads one sequence, there are {names}")
    return found[0] if found else None


def check_tower_feature(feature: Feature, others: Mapping[str, Feature], where: str) -> None:
    """Raise InputError unless a tower can read the feature.

    Parameters
    ----------
    where
        File, line and feature, for the message.
    """
    try:
        tower_of(feature, others)
    except ValueError as error:
        raise InputError(
            f"{where}: towers cannot read it: {error}",
            "remove it from the schema, or use a ranking model, which reads a row as a whole",
        ) from None
