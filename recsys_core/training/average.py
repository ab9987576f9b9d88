"""Moving average of weights: what a model is judged and kept with, while training goes on.

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on
Control and Optimization 1992; as an exponential average

    a_n = d_n a_{n-1} + (1 - d_n) w_n          d_n = min(decay, (n + 1) / (n + 10))

w_n are the weights after step n. d_n grows, so that the first steps, far from any optimum, are
forgotten soon.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """The average of a module's weights over the steps of its training.

    Parameters
    ----------
    module
        Trained in place by someone else.
    decay
        What a step leaves of the average, in (0, 1): its horizon is 1 / (1 - decay) steps.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._module = module
        self._average = AveragedModel(module)
        # listed once: `AveragedModel.update_parameters` would walk through both modules after each
        # step, which takes longer than the step of an optimiser
        self._weights = list(
            zip(self._average.module.parameters(), module.parameters(), strict=True)
        )
        self._buffers = list(zip(self._average.module.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after a step into the average; buffers are taken as they are."""
        n = int(self._average.n_averaged)
        share = 1 - min(self._decay, (n + 1) / (n + 10)) if n else 1.0
        for average, weight in self._weights:
            average.lerp_(weight, share)
        for kept, buffer in self._buffers:
            kept.copy_(buffer)
        self._average.n_averaged += 1

    @property
    def weights(self) -> dict[str, Tensor]:
        """The averaged weights under the module's own names."""
        return self._average.module.state_dict()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the module the averaged weights for a while."""
        current = {name: value.clone() for name, value in self._module.state_dict().items()}
        self._module.load_state_dict(self.weights)
        try:
            yield
        finally:
            self._module.load_state_dict(current)

    def state_dict(self) -> dict[str, Tensor]:
        """All that `load_state_dict` needs to go on."""
        return self._average.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on where another average was."""
        self._average.load_state_dict(state)
