"""Accuracy floors of the suites on MovieLens-1M: `make accuracy`.

A floor lies a little below what was measured when it was written, so that a change which makes a
model worse is noticed. Finished runs stay in `build/accuracy`, and one whose code, fields, data and
libraries are unchanged is reused: what was interrupted goes on where it stopped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from statistics import fmean

import pytest

from recsys_core.evaluation.names import higher_is_better
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.suites import load_suite
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from tests.data.real import prepared_folder, real_data
from workbench.jobs.execute import execute

pytestmark = pytest.mark.accuracy

KEPT = Path(__file__).parents[2] / "build" / "accuracy"
SEEDS = (0, 1, 2)

#: suite, label, seeds, and what the mean over them reaches at least; of the log loss, at most
FLOORS: list[tuple[str, str, tuple[int, ...], dict[str, float]]] = [
    # the longest first: two processes share them
    ("seed", "two-stage", (0,), {"ndcg@10": 0.233}),
    ("next-item-ml1m", "sasrec", (0,), {"ndcg@10": 0.178}),
    ("recall-user-timeline-ml1m", "youtube-dnn", (0,), {"ndcg@10": 0.200}),
    ("next-item-ml1m", "two-stage", (0,), {"ndcg@10": 0.217}),
    ("next-item-ml1m", "youtube-dnn", (0,), {"ndcg@10": 0.203, "recall@10": 0.341}),
    ("next-item-target-ml1m", "youtube-dnn", (0,), {"ndcg@10": 0.217, "recall@10": 0.361}),
    ("next-item-ml1m", "dssm", (0,), {"recall@20": 0.40}),
    ("topn-random-ml1m", "mf-bpr", (0,), {"ndcg@10": 0.235}),
    ("topn-random-ml1m", "two-stage", (0,), {"ndcg@10": 0.292}),
    ("topn-random-ml1m", "deepwalk-user", (0,), {"ndcg@10": 0.25}),
    ("topn-random-ml1m", "deepwalk-item", (0,), {"ndcg@10": 0.24}),
    ("topn-random-ml1m", "popularity", (0,), {"ndcg@10": 0.117}),
    ("topn-random-ml1m", "item-cf", (0,), {"ndcg@10": 0.250}),
    ("topn-random-ml1m", "mf", SEEDS, {"ndcg@10": 0.278}),
    ("topn-random-ml1m", "ease", (0,), {"ndcg@10": 0.285}),
    ("recall-user-timeline-ml1m", "item-cf", (0,), {"ndcg@10": 0.120}),
    ("recall-user-timeline-ml1m", "ials", (0,), {"ndcg@10": 0.131}),
    ("recall-user-timeline-ml1m", "ease", (0,), {"ndcg@10": 0.140}),
    ("recall-user-timeline-ml1m", "seq-ridge", (0,), {"ndcg@10": 0.173}),
    ("recall-user-timeline-ml1m", "session-knn", (0,), {"ndcg@10": 0.159}),
    ("next-item-ml1m", "word2vec", (0,), {"recall@20": 0.34}),
    ("next-item-ml1m", "item-cf", (0,), {"recall@20": 0.27}),
    ("ctr-random-ml1m", "qnn", (0,), {"auc": 0.9069, "logloss": 0.3002}),
    ("ctr-random-ml1m", "dcn-v2", (0,), {"auc": 0.9061, "logloss": 0.3015}),
    ("ctr-random-ml1m", "dcn-v2-full", (0,), {"auc": 0.9080, "logloss": 0.2981}),
    ("ctr-random-ml1m", "dcn", (0,), {"auc": 0.9056, "logloss": 0.3021}),
    ("ctr-random-ml1m", "deep", (0,), {"auc": 0.9055, "logloss": 0.3020}),
    ("ctr-random-ml1m", "deepfm", (0,), {"auc": 0.9048, "logloss": 0.3031}),
    ("ctr-random-ml1m", "wide-deep", (0,), {"auc": 0.9048, "logloss": 0.3031}),
    ("ctr-random-ml1m", "deepfm-full", (0,), {"auc": 0.9014, "logloss": 0.3086}),
    ("ctr-random-ml1m", "fm", (0,), {"auc": 0.9025, "logloss": 0.3067}),
    ("ctr-random-ml1m", "lr", (0,), {"auc": 0.8730, "logloss": 0.3456}),
    ("ctr-timeline-ml1m", "deepfm-full", (0,), {"auc": 0.7816, "logloss": 0.5609}),
    ("ctr-timeline-ml1m", "deepfm", (0,), {"auc": 0.7761, "logloss": 0.5694}),
    ("ctr-timeline-ml1m", "dcn-v2", (0,), {"auc": 0.7758, "logloss": 0.5683}),
]


@cache
def split_of(suite: str) -> Split:
    return make_protocol(load_suite(suite).protocol).split(real_data("ml-1m"))


def specs_of(suite: str, label: str) -> dict[int, JobSpec]:
    """The jobs of a label by their seed, each on one thread: two processes do them."""
    return {spec.seed: spec for spec in load_suite(suite).specs(threads=1) if spec.name == label}


def measured(suite: str, label: str, seed: int = 0) -> dict[str, float]:
    """Metrics on the test rows, of a run that is kept."""
    real_data("ml-1m")  # prepares it
    done = execute(
        specs_of(suite, label)[seed],
        split_of(suite),
        runs_dir=KEPT,
        data_dir=prepared_folder(),
    )
    assert done.state == "succeeded", done.reason
    return {name: float(value) for name, value in done.run.metrics["metrics"].items()}


@pytest.mark.parametrize(
    ("suite", "label", "seeds", "floors"), FLOORS, ids=[f"{row[0]}-{row[1]}" for row in FLOORS]
)
def test_floor(suite: str, label: str, seeds: tuple[int, ...], floors: dict[str, float]) -> None:
    runs = [measured(suite, label, seed) for seed in seeds]
    for metric, floor in floors.items():
        mean = fmean(run[metric] for run in runs)
        good = mean >= floor if higher_is_better(metric) else mean <= floor
        assert good, f"{metric} {mean:.4f}, floor {floor}"


def test_recboles_cut_gives_recboles_figures() -> None:
    """Of plain item-cf and popularity, which nothing random decides."""
    split = split_of("topn-random-ml1m")
    assert len(split.train) + len(split.valid) + len(split.test) == 834_449
    for label, published in (("item-cf-plain", 0.2389), ("popularity", 0.1187)):
        found = measured("topn-random-ml1m", label)["ndcg@10"]
        assert found == pytest.approx(published, abs=0.002)


@pytest.mark.parametrize(("suite", "gain"), [("seed", 0.028), ("topn-random-ml1m", 0.001)])
def test_two_stages_are_better_than_their_best_channel(suite: str, gain: float) -> None:
    """By ndcg@10, each channel ranking the full catalogue."""
    metrics = measured(suite, "two-stage")
    channels = [
        value
        for name, value in metrics.items()
        if name.startswith("channel/") and name.endswith("/ndcg@10")
    ]
    assert metrics["ndcg@10"] > max(channels) + gain
