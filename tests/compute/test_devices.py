"""Where torch computes."""

from __future__ import annotations

import pytest
import torch

from recsys_core.compute.devices import is_device, resolve_device
from recsys_core.compute.ranks import Ranks
from recsys_core.compute.runtime import Runtime
from recsys_core.errors import InputError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("text", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_a_device_is_written_so(text: str) -> None:
    assert is_device(text)


@pytest.mark.parametrize(
    "text", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "auto\n", "cuda:٣"]
)
def test_and_not_so(text: str) -> None:
    assert not is_device(text)


@pytest.mark.usefixtures("two_gpus")
def test_with_gpus() -> None:
    asked = ("auto", "cpu", "cuda", "cuda:1")
    assert [resolve_device(each) for each in asked] == ["cuda", "cpu", "cuda", "cuda:1"]
    with pytest.raises(
        InputError, match="'cuda:2': the last GPU of this machine is cuda:1"
    ) as error:
        resolve_device("cuda:2")
    assert error.value.remedy == "use cuda:1, auto or cpu"


@pytest.mark.usefixtures("no_gpu")
def test_without_one() -> None:
    assert resolve_device("auto") == resolve_device("cpu") == "cpu"
    for device in ("cuda", "cuda:0"):
        with pytest.raises(InputError, match=f"'{device}': torch sees no GPU"):
            resolve_device(device)


@pytest.mark.usefixtures("two_gpus")
def test_each_rank_has_its_own() -> None:
    second = Ranks()
    second.gpu = 1
    found = [Runtime(device=each, ranks=second).torch_device() for each in ("auto", "cpu")]
    assert found == [torch.device("cuda:1"), torch.device("cpu")]
