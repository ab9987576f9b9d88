"""Which runs users and items are shown with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.test_view import RUN
from workbench.store.listing import RunSummary
from workbench.tui.view.choices import Choice, Options
from workbench.tui.view.subject import chips, choose


def run(run_id: str, value: float = 0.1, **changes: object) -> RunSummary:
    metrics = {"ndcg@10": value}
    return replace(RUN, run_id=run_id, label=run_id, metrics=metrics, **changes)  # type: ignore[arg-type]


#: newest first
RUNS = [run("e", 0.1), run("d", 0.4), run("c", 0.2), run("b", 0.5), run("a", 0.3)]


def chosen(runs: list[RunSummary], kept: Choice = Choice(), **options: object) -> Choice:  # noqa: B008 - frozen
    asked = Options(**options)  # type: ignore[arg-type]
    return choose(runs, RUN.dataset, lambda _: True, kept, asked)[1]


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({}, ("b", "d", "a")),
        ({"baseline": "c"}, ("c", "b")),
        ({"marked": frozenset("ec")}, ("c", "e")),
        ({"baseline": "e", "marked": frozenset("abcd")}, ("e", "a", "b")),
        ({"baseline": "gone"}, ("b", "d", "a")),
    ],
)
def test_baseline_and_marks_of_results_else_the_best(
    options: dict[str, object], runs: tuple[str, ...]
) -> None:
    assert chosen(RUNS, Choice(), **options).runs == runs


def test_a_choice_stays_until_another_is_made() -> None:
    first = chosen(RUNS)
    better = [run("f", 0.9), *RUNS]
    assert chosen(better, first) == first, "a better run changes nothing by itself"
    again = [replace(RUNS[3], run_id="b2"), *RUNS]
    assert chosen(again, first) == first, "nor does the same job run again"
    marked = chosen(better, first, baseline="e")
    assert marked.runs == ("e", "f")
    assert chosen(better, marked).runs == ("f", "b", "d"), "unpinned: the best"
    named = Choice(("a",), asked=True)
    assert chosen(better, named) == named
    without = [each for each in RUNS if each.run_id not in "bda"]
    assert chosen(without, first).runs == ("c", "e"), "what is gone is replaced"


def test_lists_of_one_protocol_stand_side_by_side() -> None:
    elsewhere = [run("x", 0.9, protocol="random-rows"), *RUNS]
    assert chosen(elsewhere).runs == ("x",), "that of the newest"
    assert chosen(elsewhere, baseline="a").runs == ("a", "b")
    pool, _ = choose(elsewhere, RUN.dataset, lambda _: True, Choice(("a",)), Options())
    assert {each.run_id for each in pool} == set("abcde")


def test_a_run_fitted_on_all_rows_is_shown_when_it_is_named() -> None:
    refit = replace(RUN, run_id="b2", label="b", metrics={}, refit_of="b")
    few = [refit, *RUNS[-2:]]
    assert chosen(few).runs == ("b", "a")
    alone = [replace(refit, label="b-refit"), *RUNS[-2:]]
    assert chosen(alone).runs == ("b", "a")
    assert chosen(alone, Choice(("b2",), asked=True)).runs == ("b2",)
    assert chosen(alone, marked=frozenset(["b2"])).runs == ("b2", "b")


def test_a_ranker_comes_after_those_with_lists() -> None:
    ranker = replace(run("r"), stage="ranking", metrics={"auc": 0.8})
    assert chosen([ranker, *RUNS[:1]]).runs == ("e", "r")


def test_chips() -> None:
    assert chips(RUNS[:2]) == "[e]  [d]"
    assert chips(RUNS[:2], ["ndcg@10", "gain over it"]) == "[e] ndcg@10  [d] gain over it"


def test_seeds_of_one_model_are_told_apart() -> None:
    seeds = [replace(RUNS[0], run_id=f"x-{seed}", seed=seed) for seed in (0, 1)]
    assert chips([*seeds, RUNS[1]], ["ndcg@10"]) == "[e seed 0] ndcg@10  [e seed 1]  [d]"
