"""Checkpoints: weights, optimizer and progress in one file, replaced as a whole."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor, nn

from recsys_core.compute.ranks import Ranks
from recsys_core.errors import InputError
from recsys_core.reading import DamagedError, open_regular, shorten
from recsys_core.saving.replace import replacing
from recsys_core.saving.weights import check_weights

FILE = "checkpoint.pt"
PARTS = ("weights", "optimizer", "kept", "progress", "identity")
REMEDY = "delete it to train from the start"
#: what torch raises for a file that it did not write
DAMAGE = (
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    OverflowError,
    zipfile.BadZipFile,
    NotImplementedError,
)


class _Writer:
    """A file that remembers why it could not be written: torch says where in its own sources."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        """Write on."""
        try:
            return self._file.write(content)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        """Do nothing: who opened the file flushes it."""


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
    with replacing(folder / FILE) as partial, partial.open("wb") as file:
        writer = _Writer(file)
        try:
            torch.save(content, cast("BinaryIO", writer))
        except RuntimeError as error:
            raise writer.error or error from error


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
    try:
        content = _read(path, next(module.parameters()).device)
        _check_identity(path, content["identity"], identity)
        expected = module.state_dict()
        check_weights(expected, content["weights"])
        if content["kept"].get("best") is not None:
            check_weights(expected, content["kept"]["best"])
        _check_moments(content["optimizer"], optimizer)
        module.load_state_dict(content["weights"])
        optimizer.load_state_dict(content["optimizer"])
    except pickle.UnpicklingError as error:
        raise DamagedError(
            f"{path}: this checkpoint holds more than weights and numbers; it is not read", REMEDY
        ) from error
    except (OSError, *DAMAGE) as error:
        raise unusable(folder, error) from error
    return content["progress"], content["kept"]


def same_state(
    ranks: Ranks,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: tuple[dict[str, Any], dict[str, Any]] | None,
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Bring all ranks to where the first one is: it alone has a folder to read from.

    Parameters
    ----------
    state
        What `read_checkpoint` gave the first one.
    """
    if ranks.size == 1 or not ranks.agree(state is not None):
        return state
    told = io.BytesIO()
    if state is not None:
        torch.save([module.state_dict(), optimizer.state_dict(), *state], told)
    told = io.BytesIO(ranks.hear(told.getvalue()))
    if ranks.first:
        return state
    device = next(module.parameters()).device
    weights, moments, progress, kept = torch.load(told, map_location=device, weights_only=True)
    module.load_state_dict(weights)
    optimizer.load_state_dict(moments)
    return progress, kept


def unusable(folder: Path, error: Exception) -> DamagedError:
    """Build the error for a checkpoint that training cannot go on from."""
    why = shorten(str(error).partition("\n")[0])
    return DamagedError(f"{folder / FILE}: this checkpoint cannot be resumed: {why}", REMEDY)


def _read(path: Path, device: torch.device) -> dict[str, dict[str, Any]]:
    """Read the parts of a checkpoint, byte for byte what was written: torch would not notice."""
    with open_regular(path) as file:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"{damaged} is not what was written")
        file.seek(0)
        content = torch.load(file, map_location=device, weights_only=True)
    if not isinstance(content, dict):
        raise ValueError("it is not a checkpoint of this program")
    for part in PARTS:
        if not isinstance(content.get(part), dict):
            raise ValueError(f"it has no proper '{part}'")
    return content


def _check_moments(found: dict[str, Any], optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError for moments of other shapes than the weights: kernels trust that."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, state in found["state"].items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.dim() and value.shape != weights[number].shape:
                raise ValueError(f"the optimizer's {name} of weights {number} has another shape")


def _check_identity(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if found.get(name) != value:
            raise InputError(
                f"{path}: this checkpoint belongs to a training with {name} = "
                f"{shorten(repr(found.get(name)))}, not {value!r}",
                REMEDY,
            )
