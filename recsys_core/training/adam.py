"""Adam as torch has it, without torch's compiler.

Torch keeps its compiler off the methods of an optimizer by decorators that import it first, whether
or not anything is compiled: two seconds of a core, longer than many a training. Nothing compiled
calls an optimizer here (`compile` is about the loss), so the plain methods do.
"""

from __future__ import annotations

from inspect import unwrap

import torch


class Adam(torch.optim.Adam):
    """The same steps and the same state, to the bit."""

    step = torch.no_grad()(unwrap(torch.optim.Adam.step))
    zero_grad = unwrap(torch.optim.Adam.zero_grad)
    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    state_dict = unwrap(torch.optim.Adam.state_dict)
    load_state_dict = unwrap(torch.optim.Adam.load_state_dict)
