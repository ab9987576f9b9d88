"""What every registered ranking model must do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info, model_names
from recsys_core.testing.ranking import RankingChecks

RANKING = [name for name in model_names() if model_info(name).stage == "ranking"]
pytestmark = pytest.mark.parametrize("name", RANKING, scope="module")


@pytest.fixture(scope="module")
def checks(name: str) -> RankingChecks:
    return RankingChecks(name, {"batch_size": 1680})  # two steps per epoch are enough


@pytest.mark.parametrize("tasks", [1, 3])
def test_logits_have_a_column_a_task(checks: RankingChecks, tasks: int) -> None:
    checks.logits_have_a_column_a_task(tasks)


def test_gradients_reach_every_parameter(checks: RankingChecks) -> None:
    checks.gradients_reach_every_parameter()


def test_a_row_does_not_depend_on_the_others(checks: RankingChecks) -> None:
    checks.a_row_does_not_depend_on_the_others()


def test_padding_changes_nothing(checks: RankingChecks) -> None:
    checks.padding_changes_nothing()


def test_a_planted_effect_is_found(checks: RankingChecks) -> None:
    checks.a_planted_effect_is_found()


def test_same_seed_same_predictions(checks: RankingChecks) -> None:
    checks.same_seed_same_predictions()


def test_to_load_it_takes_no_compiler(
    checks: RankingChecks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.trained.save(tmp_path)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # seconds that nobody needs
    Ranker.load(tmp_path)


def test_save_and_load(checks: RankingChecks, tmp_path: Path) -> None:
    checks.saved_and_loaded_it_predicts_the_same(tmp_path)


def test_foreign_weights_are_refused(checks: RankingChecks, tmp_path: Path) -> None:
    checks.foreign_weights_are_refused(tmp_path)


def test_a_foreign_header_is_refused(checks: RankingChecks, tmp_path: Path) -> None:
    checks.a_foreign_header_is_refused(tmp_path)


def test_a_resumed_fit_predicts_the_same(checks: RankingChecks, tmp_path: Path) -> None:
    checks.a_resumed_fit_predicts_the_same(tmp_path)


def test_labels_of_predicted_rows_are_not_looked_at(checks: RankingChecks) -> None:
    checks.labels_of_predicted_rows_are_not_looked_at()


def test_configuration(checks: RankingChecks) -> None:
    checks.configuration()
