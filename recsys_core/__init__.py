"""Recommender models, features, protocols and offline evaluation; no user interface.

docs/python.md shows how to use it from Python; what is named in `__all__` is loaded when it is used
first, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_core.front.comparison import Comparison as Comparison
    from recsys_core.front.comparison import compare as compare
    from recsys_core.front.dataset import Dataset as Dataset
    from recsys_core.front.models import Fitted as Fitted
    from recsys_core.front.models import evaluate as evaluate
    from recsys_core.front.models import fit as fit
    from recsys_core.front.models import recommend as recommend
    from recsys_core.front.results import Result as Result
    from recsys_core.front.scores import score as score
    from recsys_core.front.splits import Split as Split
    from recsys_core.front.splits import split as split

__version__ = "0.1.0"

#: name -> module that defines it
_FRONT = {
    "Comparison": "comparison",
    "Dataset": "dataset",
    "Fitted": "models",
    "Result": "results",
    "Split": "splits",
    "compare": "comparison",
    "evaluate": "models",
    "fit": "models",
    "recommend": "models",
    "score": "scores",
    "split": "splits",
}
__all__ = [
    "Comparison",
    "Dataset",
    "Fitted",
    "Result",
    "Split",
    "compare",
    "evaluate",
    "fit",
    "recommend",
    "score",
    "split",
]


def __getattr__(name: str) -> Any:
    if name not in _FRONT:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = getattr(import_module(f"{__name__}.front.{_FRONT[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_FRONT})
