"""What the protocols of extensions raise or return, checked: an error that names them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from recsys_core.data.dataset import Dataset, TimeArray
from recsys_core.errors import InputError
from recsys_core.extensions import REMEDY, foreign_code
from recsys_core.protocols.base import QUERY, TRAIN, Cut, ProtocolConfig

ReturnT = TypeVar("ReturnT")


def guard(protocol: type[ProtocolConfig], where: str) -> None:
    """Let a protocol refuse what its own code does wrong; `where` names it."""
    protocol._cut = _checked(protocol._cut, where)  # type: ignore[method-assign]
    protocol.split = _named(protocol.split, where)  # type: ignore[method-assign]


def _named(method: Callable[..., ReturnT], where: str) -> Callable[..., ReturnT]:
    """Name the protocol in whatever its code raises."""

    @wraps(method)
    def called(*arguments: Any) -> ReturnT:
        with foreign_code(where):
            return method(*arguments)

    return called


def _checked(cut: Callable[..., Cut], where: str) -> Callable[..., Cut]:
    """Refuse a cut that is none."""

    @wraps(cut)
    def checked(self: ProtocolConfig, dataset: Dataset, rows: TimeArray) -> Cut:
        found = cut(self, dataset, rows)
        part = found.part if isinstance(found, Cut) else None
        if not isinstance(part, np.ndarray) or part.shape != rows.shape or part.dtype.kind != "i":
            raise InputError(
                f"{where} did not return a Cut with one whole number per row",
                f"return Cut(part), part of shape {rows.shape}; or {REMEDY}",
            )
        if not ((part >= TRAIN) & (part <= QUERY)).all():
            raise InputError(
                f"{where} gave rows other parts than TRAIN, VALID, TEST, DROPPED or QUERY", REMEDY
            )
        return found

    return checked
