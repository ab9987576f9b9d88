"""What every registered model does when it is asked to go on from an earlier run, or refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.update import check_model
from recsys_core.registry import BUILTIN, model_info
from recsys_core.testing.ranking import FAST, SMALL
from recsys_core.testing.updates import check_update

#: fitted in full when they are updated, which is exact and as fast
ANEW = {"popularity", "item-cf", "user-cf", "ease", "seq-ridge", "session-knn"}
REFUSED = {"word2vec", "deepwalk-item", "deepwalk-user", "lightgcn", "two-stage"}
LEARNED = [name for name in BUILTIN if name not in ANEW | REFUSED]


def fields_of(name: str) -> dict[str, object]:
    """Make it small: what it has learned need not be good."""
    if model_info(name).stage == "ranking":
        known = model_info(name).cls.Config.model_fields
        small = {
            "embedding_size": 4,
            **SMALL,
            **FAST,
            "epochs": 2,
            "batch_size": 140,
            "learning_rate": 0.1,
        }
        return {field: value for field, value in small.items() if field in known}
    return {"epochs": 1, "batch_size": 64, "dim": 8}


@pytest.mark.parametrize("name", LEARNED)
def test_an_update_starts_where_the_earlier_model_ended(name: str, tmp_path: Path) -> None:
    check_model(name)
    check_update(name, fields_of(name), tmp_path)


@pytest.mark.parametrize("name", sorted(ANEW))
def test_a_full_fit_is_said_to_be_one(name: str) -> None:
    check_model(name)
    assert model_info(name).cls.updates == "anew"


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_updated_is_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        check_model(name)
    assert "train it" in caught.value.remedy
