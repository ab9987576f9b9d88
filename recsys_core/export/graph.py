"""Networks as ONNX graphs, by the exporter of torch; the number of rows is free."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from recsys_core.errors import InputError, shorten
from recsys_core.saving.replace import replacing

#: version of the operators; onnxruntime knows it since 1.17
OPSET = 20
#: what the exporter says of itself, not of a model
_LOGGERS = ("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript", "onnx_ir")


def require_exporter() -> None:
    """Raise InputError where the packages that write graphs are missing."""
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the format onnx needs {' and '.join(missing)}, which are not installed",
            "pip install 'recsys-workbench[export]'",
        )


def write_graph(path: Path, module: nn.Module, inputs: Mapping[str, Tensor], output: str) -> None:
    """Write a module as a graph.

    Parameters
    ----------
    inputs
        By name, in the order of the module's arguments: two rows or more of each.
    output
        Name of the only output.

    Raises
    ------
    InputError
        The exporter cannot express what the module computes.
    """
    rows = torch.export.Dim("rows")
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own code, about torch's own code
            program = torch.onnx.export(
                module.eval(),
                tuple(inputs.values()),
                dynamo=True,
                input_names=list(inputs),
                output_names=[output],
                dynamic_shapes=[{0: rows} for _ in inputs],
                opset_version=OPSET,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        why = str(error).partition("\n")[0]
        raise InputError(
            f"the network cannot be written as ONNX: {shorten(why)}",
            "export another model, or serve this one with recsys_core (docs/serving.md)",
        ) from error
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert program is not None
    with replacing(path) as partial:
        program.save(str(partial))
