"""Checkpoints: weights, optimizer and progress in one file, replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recsys_core.errors import InputError

FILE = "checkpoint.pt"


def write_checkpoint(
    folder: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor] | None,
    progress: dict[str, Any],
) -> None:
    """Replace the checkpoint in `folder`; a crash at any moment leaves the old or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "weights": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "best": best,
        "progress": progress,
    }
    partial = folder / f"{FILE}.partial"
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / FILE)


def read_checkpoint(
    folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Any], dict[str, Tensor] | None] | None:
    """Restore `module` and `optimizer`; return progress and best weights, None without a file.

    Raises
    ------
    InputError
        The checkpoint is damaged or belongs to a model of another shape.
    """
    path = folder / FILE
    if not path.exists():
        return None
    device = next(module.parameters()).device
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        module.load_state_dict(content["weights"])
        optimizer.load_state_dict(content["optimizer"])
    except (RuntimeError, KeyError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: this checkpoint cannot be resumed: {str(error).splitlines()[0]}",
            "delete it, or run again with --fresh",
        ) from error
    return content["progress"], content["best"]
