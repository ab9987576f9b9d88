"""Models by name: a light table of built-in names, a decorator, and an entry-point group.

Listing names imports no model (and so no torch); `model_class` imports only the one asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from recsys_core.errors import InputError, unknown_name
from recsys_core.extensions import (
    MODELS,
    import_point,
    named,
    points_of,
    registered_twice,
)

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Stage = Literal["recall", "ranking", "two-stage"]

#: what a run of scores from elsewhere has in place of a model's name
EXTERNAL = "external"

#: name -> module that registers it; the order is the one in which models are listed
BUILTIN: dict[str, str] = {
    "popularity": "recsys_core.recall.popularity",
    "item-cf": "recsys_core.recall.item_cf",
    "user-cf": "recsys_core.recall.user_cf",
    "mf": "recsys_core.recall.mf",
    "ials": "recsys_core.recall.ials",
    "ease": "recsys_core.recall.ease",
    "seq-ridge": "recsys_core.recall.seq_ridge",
    "session-knn": "recsys_core.recall.session_knn",
    "dssm": "recsys_core.recall.dssm",
    "youtube-dnn": "recsys_core.recall.youtube_dnn",
    "sasrec": "recsys_core.recall.sasrec",
    "hstu": "recsys_core.recall.hstu",
    "word2vec": "recsys_core.recall.word2vec",
    "deepwalk-item": "recsys_core.recall.deepwalk_item",
    "deepwalk-user": "recsys_core.recall.deepwalk_user",
    "lightgcn": "recsys_core.recall.lightgcn",
    "lr": "recsys_core.ranking.lr",
    "fm": "recsys_core.ranking.fm",
    "deep": "recsys_core.ranking.deep",
    "wide-deep": "recsys_core.ranking.wide_deep",
    "deepfm": "recsys_core.ranking.deepfm",
    "dcn": "recsys_core.ranking.dcn",
    "dcn-v2": "recsys_core.ranking.dcn_v2",
    "qnn": "recsys_core.ranking.qnn",
    "din": "recsys_core.ranking.din",
    "mmoe": "recsys_core.ranking.mmoe",
    "ple": "recsys_core.ranking.ple",
    "two-stage": "recsys_core.two_stage.model",
}


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a registered model."""

    name: str
    stage: Stage
    title: str
    paper: str
    cls: type[Any]
    deterministic: bool
    """Whether every seed gives the same model, so that one run is enough."""


def reads_features(info: ModelInfo) -> bool:
    """Tell whether a model takes a feature schema."""
    return info.stage == "ranking" or bool(getattr(info.cls, "reads_features", False))


_registered: dict[str, ModelInfo] = {}
ClassT = TypeVar("ClassT", bound=type[Any])


def register_model(
    name: str, *, stage: Stage, title: str, paper: str, deterministic: bool = False
) -> Callable[[ClassT], ClassT]:
    """Register the decorated class under `name`.

    Parameters
    ----------
    title
        A few words for lists: ``"Item-based collaborative filtering"``.
    paper
        Author, title, venue and year of the source.
    deterministic
        Whether nothing in it depends on the seed; a suite then runs it once.
    """

    def decorate(cls: ClassT) -> ClassT:
        if name == EXTERNAL:
            raise InputError(
                f"model '{name}' ({cls.__module__}): runs of scores from elsewhere are called so",
                "give the model another name",
            )
        known = _registered.get(name)
        if known is not None and known.cls.__module__ != cls.__module__:
            raise registered_twice("model", name, known.cls.__module__, cls.__module__)
        if not hasattr(getattr(cls, "Config", None), "model_validate"):
            raise InputError(
                f"model '{name}' has no Config: {cls.__module__}.{cls.__qualname__}",
                "give the class a Config, a subclass of recsys_core.config.Config",
            )
        if stage not in get_args(Stage):
            raise unknown_name(f"stage of model '{name}':", stage, get_args(Stage))
        _registered[name] = ModelInfo(name, stage, title, paper, cls, deterministic)
        return cls

    return decorate


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in points_of(MODELS)}


def model_names() -> list[str]:
    """List every model name, built-in ones first, without importing any model."""
    names = [*BUILTIN, *_plugins(), *_registered]
    return list(dict.fromkeys(names))


def model_info(name: str) -> ModelInfo:
    """Import the model called `name` and return what it registered.

    Raises
    ------
    InputError
        No such model (nearest name offered), or a plug-in that does not import or register it.
    """
    if name not in _registered:
        if name in BUILTIN:
            import_module(BUILTIN[name])
        elif name in _plugins():
            _load_plugin(_plugins()[name])
        elif name == EXTERNAL:
            raise InputError(
                f"'{name}' is not a model: runs of that name only hold scores from a file",
                "name a model that is trained here: recsys-workbench models list",
            )
        else:
            raise unknown_name("model", name, model_names())
    return _registered[name]


def _load_plugin(point: EntryPoint) -> None:
    """Import a plug-in; whatever its code raises becomes an error that names it."""
    try:
        import_point("plug-in model", point)
    except InputError:
        _forget_unloaded()
        raise
    if point.name not in _registered:
        raise InputError(
            f"{named('plug-in model', point)} did not register that name",
            "its class needs @register_model with the entry point's name",
        )


def _forget_unloaded() -> None:
    """Forget classes of modules whose import did not come to its end."""
    for name, info in list(_registered.items()):
        if info.cls.__module__ not in sys.modules:
            del _registered[name]
