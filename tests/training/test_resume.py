"""A training that was cut off ends exactly where an undisturbed one does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
import torch

from recsys_core.compute.runtime import Runtime
from recsys_core.errors import InputError
from recsys_core.events import Event, ignore
from recsys_core.training import checkpoint as checkpoints
from recsys_core.training.trainer import train
from tests.training.toy import CONFIG, Regression, fit

ROOT = Path(__file__).parents[2]


def test_a_killed_process_resumes_bit_equal(tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-m", "tests.training.toy", str(tmp_path), "4"], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / checkpoints.FILE).exists()

    resumed, progress = fit(tmp_path)
    undisturbed, whole = fit(None)

    assert len(resumed.weights_seen) == 2  # epochs 5 and 6 alone
    assert torch.equal(resumed.module.weight, undisturbed.module.weight)
    assert torch.equal(resumed.module.bias, undisturbed.module.bias)
    assert progress == whole


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, progress = fit(tmp_path)
    again, same = fit(tmp_path)
    assert again.weights_seen == []
    assert torch.equal(first.module.weight, again.module.weight)
    assert progress == same


class CutOffError(Exception):
    pass


def stop_after_three(event: Event) -> None:
    if event.metrics and event.step >= 3 * 7:
        raise CutOffError


def test_early_stopping_counts_on_across_a_resume(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"patience": 2})
    values = [3.0, 2.0, 2.5, 2.6, 0.0, 0.0]

    toy = Regression(values=values)
    with pytest.raises(CutOffError):
        train(toy.module, toy, config, Runtime(checkpoint=tmp_path), stop_after_three)
    best = toy.weights_seen[1]

    resumed = Regression(values=values[3:])
    progress = train(resumed.module, resumed, config, Runtime(checkpoint=tmp_path), ignore)
    assert (progress.epoch, progress.best_epoch, progress.best_value) == (4, 2, 2.0)
    assert torch.equal(resumed.module.weight, best)


def test_a_lowered_learning_rate_stays_low_across_a_resume(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"schedule": "plateau"})
    values = [3.0, 3.5, 2.0, 2.6, 1.0, 2.0]
    undisturbed = Regression(values=values)
    whole = train(undisturbed.module, undisturbed, config, Runtime(), ignore)

    toy = Regression(values=values)
    with pytest.raises(CutOffError):
        train(toy.module, toy, config, Runtime(checkpoint=tmp_path), stop_after_three)
    resumed = Regression(values=values[3:])
    progress = train(resumed.module, resumed, config, Runtime(checkpoint=tmp_path), ignore)
    assert progress == whole
    assert torch.equal(resumed.module.weight, undisturbed.module.weight)


def test_a_crash_while_writing_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path)
    before = (tmp_path / checkpoints.FILE).read_bytes()

    def half(content: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError("no space left on device")

    toy = Regression()
    optimizer = torch.optim.Adam(toy.module.parameters())
    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space"):
        checkpoints.write_checkpoint(tmp_path, toy.module, optimizer, {}, {}, {})
    assert (tmp_path / checkpoints.FILE).read_bytes() == before


@pytest.mark.parametrize("damage", ["empty", "truncated", "text"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: str) -> None:
    fit(tmp_path)
    path = tmp_path / checkpoints.FILE
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": content[:-100], "text": b"hello " * 99}[damage])
    with pytest.raises(InputError, match=r"checkpoint\.pt: this checkpoint .*\ndelete it to train"):
        fit(tmp_path)


class Full:
    """A file on a disk that has no space left after some bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.left = 500
        self.file = file

    def write(self, content: bytes) -> int:
        self.left -= len(content)
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(content)


def test_a_full_disk_is_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(tmp_path)
    before = (tmp_path / checkpoints.FILE).read_bytes()
    writer = checkpoints._Writer
    monkeypatch.setattr(checkpoints, "_Writer", lambda file: writer(cast("BinaryIO", Full(file))))
    toy = Regression()
    optimizer = torch.optim.Adam(toy.module.parameters())
    with pytest.raises(OSError, match="No space left on device"):
        checkpoints.write_checkpoint(tmp_path, toy.module, optimizer, {}, {}, {})
    assert (tmp_path / checkpoints.FILE).read_bytes() == before


def test_flipped_bytes_are_noticed_or_harmless(tmp_path: Path) -> None:
    _, whole = fit(tmp_path)
    path = tmp_path / checkpoints.FILE
    content = path.read_bytes()
    noticed = 0
    for place in range(5, len(content), len(content) // 150):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            _, progress = fit(tmp_path)
        except InputError:
            noticed += 1
        else:  # padding
            assert progress == whole
    assert noticed > 50


class Hostile:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed",)


def replaced(content: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**content, **parts}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: replaced(c, kept=Hostile()), "more than weights and numbers"),
        (lambda c: [1, 2], "not a checkpoint of this program"),
        (lambda c: replaced(c, identity=None), "no proper 'identity'"),
        (lambda c: replaced(c, weights=[]), "no proper 'weights'"),
        (lambda c: {}, "no proper 'weights'"),
        (lambda c: replaced(c, weights={}), "'weight' are missing"),
        (lambda c: replaced(c, optimizer={}), "state"),
        (lambda c: replaced(c, kept={}), "best"),
        (lambda c: replaced(c, kept={"best": {"weight": 3}}), "."),
        (lambda c: replaced(c, progress={"epoch": "five"}), "not a number of epochs"),
        (lambda c: replaced(c, progress={"epochs": 5}), "epochs"),
        (lambda c: replaced(c, progress={"epoch": 3}), "curve"),
    ],
)
def test_a_foreign_checkpoint_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    fit(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / checkpoints.FILE
    torch.save(change(torch.load(path, weights_only=True)), path)
    with pytest.raises(InputError, match=rf"checkpoint\.pt: .*{message}") as error:
        fit(tmp_path)
    assert "weights_only" not in str(error.value)
    assert not (tmp_path / "executed").exists()


def test_moments_of_another_shape_never_reach_the_optimizer(tmp_path: Path) -> None:
    fit(tmp_path)
    path = tmp_path / checkpoints.FILE
    content = torch.load(path, weights_only=True)
    content["optimizer"]["state"][0]["exp_avg"] = torch.zeros(1000, 1000)
    torch.save(content, path)
    with pytest.raises(InputError, match="exp_avg of weights 0 has another shape"):
        fit(tmp_path)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    fit(tmp_path)
    toy = Regression()
    with pytest.raises(InputError, match="training with seed = 3, not 4"):
        train(toy.module, toy, CONFIG, Runtime(seed=4, checkpoint=tmp_path), ignore)
    other = CONFIG.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(InputError, match=r"with learning_rate = 0\.05, not 0\.5"):
        train(toy.module, toy, other, Runtime(seed=3, checkpoint=tmp_path), ignore)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    fit(tmp_path)
    toy = Regression()
    wide = torch.nn.Linear(5, 1)
    with pytest.raises(InputError, match="cannot be resumed"):
        train(wide, toy, CONFIG, Runtime(seed=3, checkpoint=tmp_path), ignore)
