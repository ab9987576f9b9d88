"""Splits that were published elsewhere: a column of the events says which part each belongs to."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from recsys_core.data.dataset import PART, Categorical, Dataset, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.protocols.base import (
    DROPPED,
    QUERY,
    SEED,
    TEST,
    TRAIN,
    VALID,
    Cut,
    ProtocolConfig,
    share_of,
)
from recsys_core.protocols.leaks import GIVEN, as_given

#: the names that parts have when they are the files of a split; of held-out users there are
#: events, too, that they are asked with
TRAIN_NAME, VALID_NAME, TEST_NAME, QUERY_NAME = "train", "valid", "test", "query"
#: folds may be numbered
PartName = Annotated[
    str, BeforeValidator(lambda value: str(value) if type(value) is int else value)
]


class Given(ProtocolConfig):
    """The rows of each part as they were published.

    `data import` keeps the part of each event: files called train, valid and test, those named with
    --parts, or a column, --columns part=COLUMN. Where there is no validation part, a seeded share
    of the train rows is taken. Test rows of items without a train row stay: nothing can hit them.
    """

    name: ClassVar[str] = "given"
    leaks: ClassVar[str] = GIVEN
    needs_parts: ClassVar[bool] = True

    test: PartName = Field(
        TEST_NAME, max_length=200, description="The part used for testing: test, or a fold."
    )
    valid: PartName | None = Field(
        VALID_NAME,
        max_length=200,
        description="The part used for validation, where there is one; null: drawn from train.",
    )
    valid_share: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the train rows that validation rows are drawn from, rounded down,"
        " where there is no part for them; 0: no validation rows.",
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        column = dataset.event_columns[PART]
        assert isinstance(column, Categorical)
        names = column.vocabulary.tolist()
        codes = column.codes[rows]
        self._check_names(dataset.name, names)
        part = np.full(len(rows), TRAIN, dtype=np.int8)
        part[codes < 0] = DROPPED
        part[codes == names.index(self.test)] = TEST
        if QUERY_NAME in names:
            part[codes == names.index(QUERY_NAME)] = QUERY
        if self.valid in names:
            part[codes == names.index(self.valid)] = VALID
        else:
            part[self._drawn(np.flatnonzero(part == TRAIN))] = VALID
        without = int(np.count_nonzero(codes < 0))
        return Cut(part, {"rows_without_part": without} if without else {})

    def _check_names(self, dataset: str, names: list[str]) -> None:
        """Refuse a part that is not there, and one that is none of the three."""
        if self.test not in names:
            raise InputError(
                f"protocol {self.name}: data set '{dataset}' has no part '{self.test}', only"
                f" {', '.join(names)}",
                "say which is for testing: --set protocol.test=PART",
            )
        if self.valid == self.test:
            raise InputError(
                f"protocol {self.name}: valid and test are both '{self.test}'",
                "set protocol.valid to another part, or to null: drawn from train",
            )
        used = {self.test, self.valid, TRAIN_NAME, QUERY_NAME}
        others = [name for name in names if name not in used]
        if TRAIN_NAME in names and others:
            raise InputError(
                f"protocol {self.name}: data set '{dataset}' has a part '{others[0]}' beside"
                f" {', '.join(name for name in names if name in used)}",
                f"say what it is: --set protocol.valid={others[0]}, or leave it out of the files",
            )
        if not set(names) - {self.test, self.valid, QUERY_NAME}:
            raise InputError(
                f"protocol {self.name}: data set '{dataset}' has no part to train on, only"
                f" {', '.join(names)}",
                "import it with its train rows",
            )

    def _drawn(self, train: TimeArray) -> TimeArray:
        """Draw validation rows from the train rows."""
        count = int(share_of(np.array(len(train)), self.valid_share))
        return np.random.default_rng(SEED).permutation(train)[:count]

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return as_given(train, valid, test)

    def _may_lack_valid(self) -> bool:
        return True

    def _found(self, train: Interactions, test: Interactions) -> dict[str, int]:
        unknown = train.item_counts()[test.item] == 0
        known_users = np.bincount(train.user, minlength=train.n_users) > 0
        return {
            "unknown_item_test_rows": int(np.count_nonzero(unknown)),
            "unknown_test_items": len(np.unique(test.item[unknown])),
            "unknown_test_users": int(np.count_nonzero(~known_users[np.unique(test.user)])),
        }
