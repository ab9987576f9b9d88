"""Memory of a GPU: checked before a training, and said plainly when it is used up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recsys_core.errors import InputError

if TYPE_CHECKING:
    from torch import nn

#: as large as the weights: gradients, Adam's two moments, the best weights so far
_COPIES = 4
_REMEDY = "lower batch_size or the sizes of the model's layers and embeddings, or set device to cpu"


def check_room(module: nn.Module, averaged: bool, free: int | None = None) -> None:
    """Refuse a module that cannot be trained in what is free of its GPU.

    Parameters
    ----------
    module
        Its weights are on the GPU already.
    averaged
        Whether an average of the weights is kept beside them.
    free
        Bytes; None: what the driver says. On CPUs nothing is checked.

    Raises
    ------
    InputError
        Gradients, moments and copies of the weights do not fit, whatever the batch needs.
    """
    weights = sum(each.numel() * each.element_size() for each in module.parameters())
    if free is None:
        import torch

        device = next(module.parameters()).device
        if device.type != "cuda":
            return
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        free = torch.cuda.mem_get_info(device)[0] + unused
    needed = weights * (_COPIES + averaged)
    if needed > free:
        raise InputError(
            f"to train {_gigabytes(weights)} of weights takes {_gigabytes(needed)} more of the "
            f"GPU's memory, {_gigabytes(free)} are free",
            _REMEDY,
        )


@contextmanager
def said_when_full(name: str) -> Iterator[None]:
    """Turn what torch says of a full GPU into an error that says what to do.

    Parameters
    ----------
    name
        Of the job.
    """
    try:
        yield
    except RuntimeError as error:
        torch = sys.modules.get("torch")  # who has not loaded it has no GPU to fill
        if torch is None or not isinstance(error, torch.OutOfMemoryError):
            raise
        why = str(error).partition(". ")[0]
        raise InputError(f"{name}: the GPU's memory is full: {why}", _REMEDY) from error


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
