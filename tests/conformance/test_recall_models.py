"""What every registered recall model must do; a model joins by being registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recsys_core.compute.threads import limited_threads
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import model_info, model_names
from recsys_core.testing.damage import DAMAGES
from recsys_core.testing.recall import SAYING_NOTHING, SHARES, USERS, RecallChecks
from recsys_core.training.config import TrainingConfig
from recsys_core.two_stage.model import TwoStage

RECALL = [name for name in model_names() if model_info(name).stage in ("recall", "two-stage")]
#: where defaults for real data learn too little from 600 planted likes, or take long to
FIELDS: dict[str, dict[str, Any]] = {
    "word2vec": {"epochs": 30},
    "deepwalk-item": {"walks_per_node": 4},
    "deepwalk-user": {"walks_per_node": 4},
    "lightgcn": {"epochs": 10},
    "dssm": {"batch_size": 16, "epochs": 6},
    "youtube-dnn": {"batch_size": 16, "dropout": 0.5},
    "sasrec": {"batch_size": 16, "epochs": 8, "learning_rate": 0.005},
    "hstu": {"batch_size": 8, "epochs": 8, "learning_rate": 3e-3},
    "two-stage": {
        "channels": [{"model": "popularity", "quota": 50}, {"model": "item-cf", "quota": 50}],
        "merge": {"method": "round-robin", "size": 50},  # all there is, so that lists are whole
        "ranker": {"params": {"hidden": [16], "epochs": 40, "batch_size": 16, "dropout": 0}},
    },
}
#: models that give everybody the same list
IMPERSONAL = {"popularity"}
PERSONAL = [name for name in RECALL if name not in IMPERSONAL]
BY_EPOCHS = [name for name in RECALL if issubclass(model_info(name).cls.Config, TrainingConfig)]
#: where it does not matter how well a model has learned
SHORT: dict[str, Any] = {"epochs": 4, "batch_size": 32}
FEW_WALKS: dict[str, Any] = {"walks_per_node": 2}
BRIEF: dict[str, dict[str, Any]] = {
    **dict.fromkeys(BY_EPOCHS, SHORT),
    **dict.fromkeys(("deepwalk-item", "deepwalk-user"), FEW_WALKS),
    "ials": {"epochs": 2},
    "word2vec": {"epochs": 2},
    "two-stage": {
        **FIELDS["two-stage"],
        "ranker": {"params": {"hidden": [16], "epochs": 2, "batch_size": 16}},
    },
}
#: where it matters least what was learned
REPEATED: dict[str, dict[str, Any]] = {
    **{key: {"epochs": 1, "batch_size": 64, "dim": 8} for key in BY_EPOCHS},
    **{key: {"walks_per_node": 1, "dim": 8} for key in ("deepwalk-item", "deepwalk-user")},
    **{key: {"epochs": 1, "dim": 8} for key in ("word2vec", "ials")},
    "session-knn": {"neighbours": 5, "stride": 9},
    "two-stage": {
        "channels": [{"model": "item-cf", "quota": 20}],
        "ranker": {"params": {"hidden": [4], "epochs": 1, "batch_size": 16}},
    },
}

every_model = pytest.mark.parametrize("name", RECALL)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny products are slower on several threads, by far where tests run side by side."""
    with limited_threads(1):
        yield


@cache
def checks(name: str) -> RecallChecks:
    """Fit each model once, with its defaults but for FIELDS."""
    return RecallChecks(name, FIELDS.get(name, {}), BRIEF.get(name, {}), REPEATED.get(name, {}))


@every_model
def test_configuration_round_trip(name: str) -> None:
    checks(name).configuration()


@every_model
def test_saved_and_loaded_it_recommends_the_same(name: str, tmp_path: Path) -> None:
    checks(name).saved_and_loaded_it_recommends_the_same(tmp_path / "model")


@pytest.mark.parametrize("name", PERSONAL)
def test_planted_structure_is_found(name: str) -> None:
    checks(name).planted_structure_is_found()


@pytest.mark.parametrize("name", PERSONAL)
def test_unknown_users_are_served_from_their_history(name: str) -> None:
    checks(name).unknown_users_are_served_from_their_history()


@every_model
def test_an_empty_history_gets_the_most_popular(name: str) -> None:
    checks(name).an_empty_history_gets_the_most_popular()


@every_model
@pytest.mark.parametrize("case", SAYING_NOTHING)
def test_a_history_that_says_nothing_gets_the_most_popular(name: str, case: str) -> None:
    # ratings, attributes and times, too: a disliked event says something to these
    if not isinstance(checks(name).fitted, SequentialModel | TwoStage):
        checks(name).a_history_that_says_nothing_gets_the_most_popular(case)


@every_model
def test_lists_longer_than_the_catalogue_are_padded(name: str) -> None:
    checks(name).lists_longer_than_the_catalogue_are_padded()


@every_model
def test_seen_and_cold_items_are_never_recommended(name: str) -> None:
    checks(name).seen_and_cold_items_are_never_recommended()


@every_model
@pytest.mark.parametrize("share", SHARES)
def test_lists_of_allowed_items_are_the_whole_ranking_without_the_others(
    name: str, share: int
) -> None:
    checks(name).lists_of_allowed_items_are_the_whole_ranking_without_the_others(share)


@every_model
def test_scores_do_not_depend_on_the_size_of_the_block(name: str) -> None:
    checks(name).scores_do_not_depend_on_the_size_of_the_block()


@every_model
def test_a_known_user_asked_twice_with_two_histories_is_two_askers(name: str) -> None:
    checks(name).two_histories_of_a_known_user_are_two_askers()


@every_model
def test_same_seed_same_result_and_nothing_is_printed(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    checks(name).same_seed_same_result()
    checks(name).fitted.recommend(USERS, 5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", BY_EPOCHS)
def test_a_resumed_fit_takes_the_steps_of_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    checks(name).a_resumed_fit_takes_the_steps_of_an_undisturbed_one(tmp_path)


@every_model
def test_wrong_queries_are_refused(name: str) -> None:
    checks(name).wrong_queries_are_refused()


@pytest.mark.parametrize("damage", DAMAGES)
@every_model
def test_a_damaged_model_is_refused(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    checks(name).a_damaged_model_is_refused(tmp_path, damage)


@every_model
def test_a_foreign_model_is_refused(name: str, tmp_path: Path) -> None:
    checks(name).a_foreign_model_is_refused(tmp_path)


@every_model
def test_events_that_repeat(name: str, tmp_path: Path) -> None:
    checks(name).events_that_repeat(tmp_path / "model")
