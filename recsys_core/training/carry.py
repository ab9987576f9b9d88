"""Weights of an earlier model in a module whose tables have grown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recsys_core.errors import InputError

#: rows here and what they were there, and the dimension that they are of
Kept = tuple[NDArray[np.integer], NDArray[np.integer], int]


def carry_over(
    module: nn.Module, earlier: Mapping[str, Tensor], tables: Mapping[str, Kept]
) -> None:
    """Take the weights of an earlier module; rows that it did not have keep their first values.

    Parameters
    ----------
    earlier
        Its weights by name.
    tables
        Of each parameter with a row per user, item or value: which rows it had.

    Raises
    ------
    InputError
        A weight has another shape: the networks do not fit together.
    """
    with torch.no_grad():
        for name, own in module.state_dict().items():
            value = earlier.get(name)
            if value is None or (name not in tables and value.shape != own.shape):
                raise InputError(
                    f"the model to update has other weights '{name}' than this one",
                    "train it in full: recsys-workbench train --model NAME",
                )
            if name not in tables:
                own.copy_(value)
                continue
            here, there, dim = tables[name]
            rows = value.to(own.device).index_select(dim, _places(there, own))
            own.index_copy_(dim, _places(here, own), rows)


def _places(rows: NDArray[np.integer], like: Tensor) -> Tensor:
    return torch.from_numpy(rows.astype(np.int64)).to(like.device)
