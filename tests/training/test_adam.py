"""The optimizer is torch's Adam to the bit and leaves torch's compiler where it is."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import nn

from recsys_core.training.adam import Adam


def trained(cls: type[torch.optim.Adam]) -> tuple[list[torch.Tensor], dict[str, Any]]:
    """Take some steps, half of them after the state went through a checkpoint."""
    weights = [nn.Parameter(torch.linspace(-1, 1, n).reshape(n // 2, 2)) for n in (4, 6)]
    rows, wanted = torch.linspace(-3, 2, 16).reshape(8, 2), torch.linspace(0, 1, 24).reshape(8, 3)
    optimizer = cls(weights, lr=0.1, weight_decay=0.01, fused=True)
    for step in range(6):
        if step == 3:
            state = optimizer.state_dict()
            optimizer = cls(weights, lr=9.0, fused=True)
            optimizer.load_state_dict(state)
        optimizer.zero_grad(set_to_none=True)
        (torch.tanh(rows @ weights[0]) @ weights[1].T - wanted).square().mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [weight.detach() for weight in weights], optimizer.state_dict()


def test_its_steps_are_torchs_and_need_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, state = trained(torch.optim.Adam)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # to import it fails
    weights, own = trained(Adam)
    torch.testing.assert_close(weights, expected, rtol=0, atol=0)
    torch.testing.assert_close(own["state"], state["state"], rtol=0, atol=0)
    assert own["param_groups"] == state["param_groups"]
