"""What is said of a GPU that is too small."""

from __future__ import annotations

import pytest
import torch

from recsys_core.errors import InputError
from recsys_core.training.gpu_memory import check_room, said_when_full


def test_weights_that_cannot_be_trained_are_refused_before_the_first_step() -> None:
    """1.5 GiB of weights: gradients, two moments and the best weights are four times as much."""
    module = torch.nn.Linear(3 * 2**14, 2**13, bias=False, device="meta")
    six = 6 * 2**30
    check_room(module, averaged=False, free=six)
    with pytest.raises(
        InputError, match=r"1\.5 GiB of weights takes 6\.0 GiB more .* 6\.0 GiB"
    ) as error:
        check_room(module, averaged=False, free=six - 1)
    assert "device to cpu" in error.value.remedy
    with pytest.raises(InputError, match=r"takes 7\.5 GiB"):
        check_room(module, averaged=True, free=six)


def test_on_cpus_nothing_is_checked() -> None:
    check_room(torch.nn.Linear(1, 1), averaged=True)


def test_a_full_gpu_is_an_error_that_says_what_to_do() -> None:
    said = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB"
    full = "^mf: the GPU's memory is full: CUDA out of memory\n"
    with pytest.raises(InputError, match=full) as error, said_when_full("mf"):
        raise torch.OutOfMemoryError(said)
    assert "batch_size" in error.value.remedy


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), said_when_full("mf"):
        raise RuntimeError("shapes do not fit")
