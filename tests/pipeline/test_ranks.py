"""Processes that train together: the weights, lists and figures of one process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.compute.ranks import ALONE, Group, Ranks, part_of
from recsys_core.data.prepared import write_prepared
from recsys_core.data.sample import make_sample
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.features.batch import Rows
from recsys_core.pipeline.ranks import _Helper, _on_gpus, gathered, local_ranks, meet
from recsys_core.pipeline.run import (
    FittedJob,
    fit_job,
    judge_job,
    load_split,
    model_config,
    reuse_key,
)
from recsys_core.pipeline.spec import JobSpec
from recsys_core.processes import BEREFT
from recsys_core.registry import model_info, model_names
from recsys_core.training.moments import check_moments

NAME = "shaped-like-ml-100k"
LISTS, ROWS = {"name": "user-timeline"}, {"name": "random-rows"}
EXACT: dict[str, Any] = {"epochs": 1, "dropout": 0.0}
EXACT_ROWS = {**EXACT, "embedding_dropout": 0.0, "batch_size": 301}
#: what is trained in one process and in two, few steps each: rounding grows from step to step
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "deepfm": ("deepfm", ROWS, EXACT_ROWS),
    "batch moments and penalties": (
        "deepfm",
        ROWS,
        {**EXACT_ROWS, "batch_norm": True, "table_l2": 1e-3, "weight_decay": 1e-4},
    ),
    "moments of pairs": ("din", ROWS, EXACT_ROWS),
    "the whole catalogue": ("youtube-dnn", LISTS, {**EXACT, "batch_size": 200}),
    "negatives of the batch": ("dssm", LISTS, {**EXACT, "batch_size": 301}),
    "drawn negatives": (
        "youtube-dnn",
        LISTS,
        {**EXACT, "batch_size": 200, "negatives": 50, "sampler": "popularity", "logq": True},
    ),
    "self-attention": ("sasrec", LISTS, {**EXACT, "batch_size": 101, "max_len": 20}),
    "pointwise attention": ("hstu", LISTS, {**EXACT, "batch_size": 101, "max_len": 20}),
    **{name: (name, ROWS, {"epochs": 1, "batch_size": 301}) for name in ("lr", "fm")},
    **{
        name: (name, ROWS, EXACT_ROWS)
        for name in ("deep", "wide-deep", "dcn", "dcn-v2", "qnn", "mmoe", "ple")
    },
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made = replace(make_sample(n_users=118, n_items=210, mean_events=20), name=NAME)
    write_prepared(folder, made, {"path": "made up"}, {})
    return folder


@pytest.fixture(scope="module")
def two() -> Iterator[Ranks]:
    with local_ranks(2) as ranks:
        yield ranks


def job(model: str = "deepfm", nproc: int = 2, **changes: Any) -> JobSpec:
    values = {"dataset": NAME, "protocol": LISTS, "threads": 1, **changes}
    return JobSpec(model=model, nproc=nproc, **values)


def fitted(spec: JobSpec, data_dir: Path) -> FittedJob:
    split = load_split(spec, data_dir=data_dir, offline=True)
    with gathered(spec, split, data_dir) as ranks:
        found = fit_job(spec, split, ranks=ranks)
        if spec.nproc > 1:  # the other one does it, too
            judge_job(found, spec)
    return found


@pytest.mark.parametrize(("model", "protocol", "params"), CASES.values(), ids=CASES)
def test_two_ranks_learn_the_weights_of_one_process(
    two: Ranks, data_dir: Path, model: str, protocol: dict[str, Any], params: dict[str, Any]
) -> None:
    one, both = (
        fitted(job(model, nproc, protocol=protocol, params=params), data_dir) for nproc in (1, 2)
    )
    assert both.job.curve[0]["loss"] == pytest.approx(one.job.curve[0]["loss"], rel=1e-6)
    weights = both.job.model.module.state_dict()
    expected = one.job.model.module.state_dict()
    for name in [name for name in expected if name.endswith("projection.bias")]:
        del expected[name]  # that of keys has no gradient but rounding, of which Adam makes a step
    apart = torch.cat([(weights[name] - value).flatten() for name, value in expected.items()])
    size = torch.cat([value.flatten() for value in expected.values()])
    assert torch.linalg.norm(apart) <= 1e-5 * torch.linalg.norm(size)
    for name, value in expected.items():
        # attention by time has gradients near Adam's epsilon: rounding makes a part of each step
        most = 1e-2 if name.endswith(".time") else 1e-4
        assert torch.linalg.norm(weights[name] - value) <= most * torch.linalg.norm(value), name


def test_weights_of_every_model_that_ranks_train_are_compared() -> None:
    together = {
        name for name in model_names() if getattr(model_info(name).cls, "trains_together", False)
    }
    assert together == {model for model, _, _ in CASES.values()}


@pytest.mark.parametrize(
    ("model", "protocol"), [("youtube-dnn", LISTS), ("deepfm", ROWS)], ids=["lists", "rows"]
)
def test_two_ranks_judge_as_one_process(
    two: Ranks, data_dir: Path, model: str, protocol: dict[str, Any]
) -> None:
    """The very same model, asked by both: metrics, intervals and values of every user."""
    spec = job(model, protocol=protocol, params={"epochs": 1, "batch_size": 1000})
    split = load_split(spec, data_dir=data_dir, offline=True)
    with gathered(spec, split, data_dir) as ranks:
        found = fit_job(spec, split, ranks=ranks)
        both = judge_job(found, spec)
    vars(found.job)["_ranks"] = ALONE
    one = judge_job(replace(found, ranks=ALONE), spec)
    for name, value in one.metrics.items():
        assert both.metrics[name] == pytest.approx(value, rel=1e-12, nan_ok=True)
    ours, alone = both.judged.evaluation, one.judged.evaluation
    assert ours.counts == alone.counts
    for name, interval in alone.ci95.items():
        assert ours.ci95[name] == pytest.approx(interval, rel=1e-12, nan_ok=True)
    for name, values in alone.user_metrics.items():
        np.testing.assert_allclose(ours.user_metrics[name], values, rtol=1e-12)
    assert both.validation == pytest.approx(one.validation, rel=1e-12)


@pytest.mark.parametrize("first", [1, 2])
def test_a_checkpoint_is_the_same_however_many_made_it(
    two: Ranks, data_dir: Path, tmp_path: Path, first: int
) -> None:
    spec = job("lr", protocol=ROWS, params={"epochs": 3, "patience": 0})
    split = load_split(spec, data_dir=data_dir, offline=True)
    kept = tmp_path / "kept"

    def keep(event: Event) -> None:
        if event.epoch == 1:
            shutil.copytree(tmp_path / "checkpoint", kept)

    def fit(nproc: int, folder: Path, on_event: OnEvent = ignore) -> FittedJob:
        some = spec.model_copy(update={"nproc": nproc})
        with gathered(some, split, data_dir) as ranks:
            found = fit_job(some, split, ranks=ranks, checkpoint=folder, on_event=on_event)
            if nproc > 1:
                judge_job(found, some)
        return found

    whole = fit(first, tmp_path / "checkpoint", keep).job
    rest = fit(3 - first, kept).job
    assert [one["loss"] for one in rest.curve] == pytest.approx(
        [one["loss"] for one in whole.curve], rel=1e-6
    )
    assert rest.curve[0] == whole.curve[0]  # which is read, not learned again


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [1, 6, 64, 100])
def test_every_row_of_every_batch_is_read_by_one_rank(size: int, rows: int) -> None:
    order, cpu = torch.randperm(rows), torch.device("cpu")
    ranks = [Group(None, rank, size, cpu) for rank in range(size)]
    parts = [torch.split(each.own(order, 16), each.batch_sizes(rows, 16)) for each in ranks]
    together = [torch.cat(slices) for slices in zip(*parts, strict=True)]
    assert [batch.tolist() for batch in together] == [
        batch.tolist() for batch in torch.split(order, 16)
    ]


def test_a_rank_gathers_its_rows_alone(
    two: Ranks, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[torch.Tensor] = []
    batches = Rows.batches

    def noted(self: Rows, order: torch.Tensor, batch_size: int | list[int]) -> Any:
        if isinstance(batch_size, list):
            read.append(order)
        return batches(self, order, batch_size)

    monkeypatch.setattr(Rows, "batches", noted)
    spec = job("lr", protocol=ROWS, params={"epochs": 2, "batch_size": 301})
    split = fitted(spec, data_dir).split
    expected = sum(two.batch_sizes(len(split.train), 301))
    assert [len(order) for order in read] == [expected, expected]
    assert all(len(torch.unique(order)) == expected for order in read)
    assert abs(2 * expected - len(split.train)) <= -(-len(split.train) // 301)


@pytest.mark.parametrize(("size", "block", "expected"), [(100, 10, (50, 100)), (9, 10, (4, 9))])
def test_parts_are_whole_blocks_where_there_are_enough(
    size: int, block: int, expected: tuple[int, int]
) -> None:
    part = part_of(Group(None, 1, 2, torch.device("cpu")), size, block)
    assert (part.start, part.stop) == expected
    assert part_of(ALONE, size, block) == slice(0, size)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": "item-cf"}, "item-cf is trained by one process"),
        ({"model": "mf"}, "mf is trained by one process"),
        ({"model": "two-stage"}, "two-stage is trained by one process"),
        ({"model": "hstu", "params": {"hard_negatives": 3}}, "hstu with hard_negatives = 3"),
        ({"params": {"compile": True}}, "deepfm with compile = True"),
        ({"params": {"batch_size": 1}}, "deepfm has batches of 1 rows, fewer than processes"),
    ],
)
def test_what_one_process_must_train_is_refused_by_name(
    changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as error:
        model_config(job(**changes))
    assert "nproc = 2" in error.value.problem
    assert "--nproc" in error.value.remedy


def test_a_job_of_one_process_is_what_it_was(data_dir: Path) -> None:
    """Specs, and with them reuse keys, know nothing of the field unless it says something."""
    one, both = job("popularity", 1), job("deepfm", 2)
    assert "nproc" not in one.model_dump(mode="json")
    assert both.model_dump(mode="json")["nproc"] == 2
    split = load_split(both, data_dir=data_dir, offline=True)
    assert reuse_key(both, split) != reuse_key(job("deepfm", 1), split)


def test_the_key_of_a_device_is_that_of_what_computes(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys(model: str, *devices: str) -> list[str]:
        spec = job(model, 1)
        split = load_split(spec, data_dir=data_dir, offline=True)
        return [reuse_key(spec.model_copy(update={"device": each}), split) for each in devices]

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    auto, cpu = keys("deepfm", "auto", "cpu")
    assert auto == cpu
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert keys("deepfm", "cpu") == [cpu]
    auto, first, second = keys("deepfm", "auto", "cuda", "cuda:1")
    assert auto == first == second != cpu
    nothing_to_compute = keys("popularity", "auto", "cpu", "cuda")
    assert len(set(nothing_to_compute)) == 1


def test_of_several_processes_each_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert _on_gpus(job(nproc=2, device="cuda"))
    for nproc, device, problem in ((2, "cuda:1", "is one GPU"), (3, "cuda", "has 2 GPUs")):
        with pytest.raises(InputError, match=problem):
            _on_gpus(job(nproc=nproc, device=device))


def test_a_layer_that_knows_one_process_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="Sequential has a layer BatchNorm1d"):
        check_moments(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)))


class Others(Ranks):
    """A first rank beside another one that says what it is told."""

    size = 2

    def __init__(self, other: dict[str, Any]) -> None:
        self.other = other

    def tell_all(self, value: Any) -> list[Any]:
        return [value, self.other]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"facts": {"the split": "b2"}}, "rank 1 has the split b2, rank 0 has a1"),
        ({"problem": "no such data set", "remedy": "copy it"}, "rank 1 of 2: no such data set"),
    ],
)
def test_ranks_with_other_data_are_refused(other: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        meet(Others(other), {"facts": {"the split": "a1"}})
    meet(Others({"facts": {"the split": "a1"}}), {"facts": {"the split": "a1"}})


def test_ranks_end_where_another_one_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    class First:
        def end(self) -> None:
            ended.append("first")

    def start(rank: int, *_: Any) -> First:
        if rank == 1:
            return First()
        raise OSError("no more processes")

    monkeypatch.setattr(_Helper, "start", start)
    with pytest.raises(OSError, match="no more"), local_ranks(3):
        pass
    assert ended == ["first"]


def test_a_rank_ends_with_the_process_that_started_it() -> None:
    helper = _Helper.start(1, 2, port=1)
    assert helper.process.stdin is not None
    helper.process.stdin.close()  # as the system does it when that process is killed
    assert helper.process.wait(60) == BEREFT
    helper.complaints.close()
