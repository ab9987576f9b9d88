"""Weights of fitted modules on disk; what is read may be foreign and is checked before use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from recsys_core.reading import DamagedError, open_regular, shorten
from recsys_core.saving.replace import replacing

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def write_weights(path: Path, module: nn.Module) -> None:
    """Replace the weights at `path` as a whole."""
    weights = {name: value.contiguous() for name, value in module.state_dict().items()}
    with replacing(path) as partial:
        partial.write_bytes(save(weights))  # a full disk is an OSError here, safetensors hides it


def read_weights(path: Path, build: Callable[[], ModuleT], remedy: str) -> ModuleT:
    """Build a module with the weights that `write_weights` wrote.

    Raises
    ------
    DamagedError
        They are missing, damaged, or of another module.
    """
    try:
        open_regular(path).close()
        return build_with(build, load_file(path))
    except (OSError, ValueError, SafetensorError) as error:
        why = shorten(str(error).partition("\n")[0])
        raise DamagedError(f"{path}: the saved model is damaged: {why}", remedy) from error


def build_with(build: Callable[[], ModuleT], weights: Mapping[str, Tensor]) -> ModuleT:
    """Build a module and give it `weights`.

    Raises
    ------
    ValueError
        They are not those of such a module. It is compared without its memory being taken, so
        that fields of a foreign file cannot ask for more than its weights have.
    """
    with suppress(RuntimeError, NotImplementedError), torch.device("meta"), _ShapesAlone():
        check_weights(build().state_dict(), weights)
    # a module that looks at values as it is built can be compared only now
    module = build()
    check_weights(module.state_dict(), weights)
    module.load_state_dict(weights)
    return module


class _ShapesAlone(TorchFunctionMode):
    """Draw no values where there is no memory for them: torch would load its compiler to do so."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return args[0] if func is Tensor.normal_ else func(*args, **(kwargs or {}))


def check_weights(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Compare weights with those of a module: names, shapes and types; all must be finite.

    Raises
    ------
    ValueError
        They differ.
    """
    for name in [*expected, *weights]:
        if name not in weights:
            raise ValueError(f"weights '{shorten(name)}' are missing")
        if name not in expected:
            raise ValueError(f"weights '{shorten(name)}' are not the model's")
    for name, wanted in expected.items():
        found = weights[name]
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            shapes = (f"{str(w.dtype)[6:]} {tuple(w.shape)}" for w in (found, wanted))
            raise ValueError(f"weights '{name}' are {', the model has '.join(shapes)}")
        if not torch.isfinite(found).all():
            raise ValueError(f"weights '{name}' are not finite")
