"""Cross networks: layers whose depth is the degree of the interactions they form.

Every layer multiplies the inputs x0 into what the layer before made of them, so that layer l holds
products of up to l + 1 inputs. Inputs and outputs have shape (rows, width).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recsys_core.ranking.modules.layers import BatchNorm


class CrossNetwork(nn.Module):
    """Crosses with a vector per layer (Wang et al., ADKDD 2017, equation 3).

    x_{l+1} = x_0 (x_l . w_l) + b_l + x_l
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(_normal(width) for _ in range(layers))
        self.biases = nn.ParameterList(torch.zeros(width) for _ in range(layers))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) -> (rows, width)."""
        x = inputs
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = inputs * (x @ weight).unsqueeze(1) + bias + x
        return x


class CrossNetworkV2(nn.Module):
    """Crosses with a matrix a layer (Wang et al., WWW 2021, equation 1).

    x_{l+1} = x_0 * f(W_l x_l + b_l) + x_l

    f is nothing, or ReLU after batch normalisation, as Li et al., "Revisiting Feature Interactions
    from the Perspective of Quadratic Neural Networks for Click-through Rate Prediction", 2025, have
    it.
    """

    def __init__(self, width: int, layers: int, *, relu: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        for layer in self.layers:
            nn.init.xavier_normal_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.bends = nn.ModuleList(
            nn.Sequential(BatchNorm(width), nn.ReLU()) if relu else nn.Identity()
            for _ in range(layers)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) -> (rows, width)."""
        x = inputs
        for layer, bend in zip(self.layers, self.bends, strict=True):
            x = torch.addcmul(x, inputs, bend(layer(x)))
        return x


class LowRankCross(nn.Module):
    """One layer of crosses by a mixture of low-rank experts (Wang et al., WWW 2021, section 3.4).

    x_{l+1} = sum_i G_i(x_l) E_i(x_l) + x_l
    E_i(x)  = x_0 * (U_i tanh(C_i tanh(V_i^T x)) + b)
    G(x)    = softmax(W x)                             one weight an expert; 1 when there is one

    V_i and U_i have `rank` columns, C_i is `rank` x `rank`.
    """

    def __init__(self, width: int, rank: int, experts: int) -> None:
        super().__init__()
        self.down = nn.Parameter(_normal(experts, width, rank))  # V
        self.core = nn.Parameter(_normal(experts, rank, rank))  # C, transposed
        self.up = nn.Parameter(_normal(experts, rank, width))  # U, transposed
        self.bias = nn.Parameter(torch.zeros(width))
        self.gate = nn.Linear(width, experts) if experts > 1 else None

    def forward(self, first: Tensor, x: Tensor) -> Tensor:
        """x_0 and x_l, (rows, width) each -> (rows, width)."""
        inner = torch.tanh(torch.tanh(x @ self.down) @ self.core)  # (experts, rows, rank)
        if self.gate is not None:
            inner = inner * torch.softmax(self.gate(x), dim=1).T.unsqueeze(2)
        # the weights add up to 1, so that x_0 and b stand outside of the sum over experts
        mixed: Tensor = (inner @ self.up).sum(dim=0)
        crossed: Tensor = torch.addcmul(x, first, mixed + self.bias)
        return crossed


class LowRankCrossNetwork(nn.Module):
    """A stack of `LowRankCross` layers."""

    def __init__(self, width: int, layers: int, rank: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(LowRankCross(width, rank, experts) for _ in range(layers))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) -> (rows, width)."""
        x: Tensor = inputs
        for layer in self.layers:
            x = layer(inputs, x)
        return x


def _normal(*shape: int) -> Tensor:
    """Draw initial weights of deviation 1 / sqrt(inputs)."""
    inputs = shape[-2] if len(shape) > 1 else shape[-1]
    weights: Tensor = torch.randn(*shape).div_(inputs**0.5)
    return weights
