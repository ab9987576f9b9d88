"""Linear layers one after the other, as all networks here have them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from torch import nn


def linear_layers(
    sizes: Sequence[int],
    after: Callable[[int], Iterable[nn.Module]],
    linear: Callable[[int, int], nn.Linear] = nn.Linear,
) -> list[nn.Module]:
    """Build linear layers from each size to the next, each with what comes after it.

    Parameters
    ----------
    sizes
        Width of the inputs, then of each layer.
    after
        From a layer's width to what follows it: activation, normalisation, dropout.
    linear
        Builds a layer with its initial weights from the widths of its inputs and outputs.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [linear(inputs, outputs), *after(outputs)]
    return layers
