"""Checkpoints: weights, optimizer and progress in one file, replaced as a whole."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recsys_core.errors import TRAIN_AGAIN, InputError

FILE = "checkpoint.pt"


def write_checkpoint(
    folder: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    kept: dict[str, dict[str, Tensor] | None],
    progress: dict[str, Any],
    identity: dict[str, Any],
) -> None:
    """Replace the checkpoint in `folder`; a crash at any moment leaves the old or the new one.

    Parameters
    ----------
    kept
        Further weights by name, such as those of the best epoch; None before there are any.
    progress, identity
        Plain values: how far training is, and which training it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "weights": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "kept": kept,
        "progress": progress,
        "identity": identity,
    }
    partial = folder / f"{FILE}.partial"
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / FILE)


def read_checkpoint(
    folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer, identity: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Restore `module` and `optimizer`; return progress and kept weights, None without a file.

    Raises
    ------
    InputError
        The checkpoint is damaged, or belongs to a model of another shape or to another training.
    """
    path = folder / FILE
    if not path.exists():
        return None
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: this checkpoint is damaged", f"delete it, or {TRAIN_AGAIN}")
    device = next(module.parameters()).device
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        _check_identity(path, content["identity"], identity)
        module.load_state_dict(content["weights"])
        optimizer.load_state_dict(content["optimizer"])
    except (RuntimeError, KeyError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: this checkpoint cannot be resumed: {str(error).partition(chr(10))[0]}",
            f"delete it, or {TRAIN_AGAIN}",
        ) from error
    return content["progress"], content["kept"]


def _check_identity(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            raise InputError(
                f"{path}: this checkpoint is of a training with {name} = {found.get(name)!r}, "
                f"not {value!r}",
                f"delete it, or {TRAIN_AGAIN}",
            )
