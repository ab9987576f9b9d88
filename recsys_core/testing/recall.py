"""What every recall model must do, on a planted data set: users like the items of one block."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.data.interactions import Interactions
from recsys_core.events import Event
from recsys_core.recall.base import RecallModel
from recsys_core.registry import model_info
from recsys_core.testing.checks import AGAIN, check_fields, hold, refused, same
from recsys_core.testing.damage import DAMAGES
from recsys_core.testing.foreign import (
    a_missing_array_is_named,
    damaged_arrays_are_refused_or_do_no_harm,
)
from recsys_core.testing.planted import (
    COLD_ITEM,
    ITEMS,
    N_ITEMS,
    N_USERS,
    block_of,
    fit,
    history,
    planted,
    repeated,
)
from recsys_core.training.config import TrainingConfig

USERS = np.arange(N_USERS)
#: one item of so many is allowed
SHARES = (2, 7)
#: histories that say nothing: rating exponent, items, how they are rated
SAYING_NOTHING: dict[str, tuple[float | None, list[int], float]] = {
    "disliked": (None, [0, 14, 30], 1.0),
    "rated 0": (1.0, [0, 14, 30], 0.0),
    "unknown to the model": (None, [COLD_ITEM], 5.0),
}


def check_recall_model(
    name: str,
    fields: Mapping[str, Any] | None = None,
    *,
    personal: bool = True,
    reads_events: bool = False,
) -> None:
    """Check a registered recall model: fits, lists, saved files, configuration.

    Parameters
    ----------
    fields
        Those with which it learns 600 planted likes, where the defaults are for real data.
    personal
        Whether users get lists of their own.
    reads_events
        Whether disliked events, ratings or times say something to it.

    Raises
    ------
    AssertionError
        It does not do what every recall model must; the message says what.
    """
    checks = RecallChecks(name, fields or {})
    with limited_threads(1), TemporaryDirectory() as folder:
        checks.configuration()
        checks.saved_and_loaded_it_recommends_the_same(Path(folder, "saved"))
        if personal:
            checks.planted_structure_is_found()
            checks.unknown_users_are_served_from_their_history()
        checks.an_empty_history_gets_the_most_popular()
        if not reads_events:
            for case in SAYING_NOTHING:
                checks.a_history_that_says_nothing_gets_the_most_popular(case)
        checks.lists_longer_than_the_catalogue_are_padded()
        checks.seen_and_cold_items_are_never_recommended()
        for share in SHARES:
            checks.lists_of_allowed_items_are_the_whole_ranking_without_the_others(share)
        checks.scores_do_not_depend_on_the_size_of_the_block()
        checks.two_histories_of_a_known_user_are_two_askers()
        checks.same_seed_same_result()
        if checks.by_epochs:
            checks.a_resumed_fit_takes_the_steps_of_an_undisturbed_one(Path(folder, "resumed"))
        checks.wrong_queries_are_refused()
        for damage in DAMAGES:
            checks.a_damaged_model_is_refused(Path(folder, damage.__name__), damage)
        checks.a_foreign_model_is_refused(Path(folder, "foreign"))
        damaged_arrays_are_refused_or_do_no_harm(
            name, Path(folder, "saved"), Path(folder, "arrays")
        )
        a_missing_array_is_named(name, Path(folder, "saved"), Path(folder, "missing"))
        checks.events_that_repeat(Path(folder, "repeated"))


class RecallChecks:
    """The checks of one model, each by itself; it is fitted once for most of them.

    Parameters
    ----------
    fields
        With which it learns the planted likes.
    brief
        Where it does not matter how well it has learned; None: `fields`.
    least
        Where it matters least; None: `brief`.
    """

    def __init__(
        self,
        name: str,
        fields: Mapping[str, Any],
        brief: Mapping[str, Any] | None = None,
        least: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.fields = fields
        self.brief = fields if brief is None else brief
        self.least = self.brief if least is None else least

    @cached_property
    def parts(self) -> tuple[Interactions, Interactions]:
        """Train and validation rows."""
        return planted()

    @cached_property
    def fitted(self) -> RecallModel[Any]:
        """A model that no check changes."""
        return fit(self.name, self.parts[0], **self.fields)

    @cached_property
    def undisturbed(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """What was learned by a fit with seed 4 in which nothing happened."""
        train, valid = self.parts
        return fit(self.name, train, valid=valid, runtime=Runtime(seed=4), **self.brief).state()

    @property
    def by_epochs(self) -> bool:
        """Whether it is trained by epochs, and so may be resumed."""
        return issubclass(model_info(self.name).cls.Config, TrainingConfig)

    @cached_property
    def liked(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """How often each item is liked in train."""
        return self.parts[0].positives().item_counts()

    def configuration(self) -> None:
        """Fields are described, have defaults, and survive being stored."""
        check_fields(model_info(self.name).cls.Config, f"model {self.name}")

    def saved_and_loaded_it_recommends_the_same(self, folder: Path) -> None:
        """To known users and to strangers."""
        model = self.fitted
        model.save(folder)
        loaded = type(model).load(folder)
        hold(loaded.config == model.config, "the configuration changed while it was stored")
        hold(loaded.fingerprint == model.fingerprint, "the fingerprint changed while it was stored")
        known, again = model.recommend(USERS, 10), loaded.recommend(USERS, 10)
        same(known.items, again.items, "lists changed while the model was stored")
        same(known.scores, again.scores, "scores changed while the model was stored")
        stranger = history([1, 2, 3], [])
        new, again = (
            m.recommend(np.array([-1, 10**6]), 5, histories=stranger) for m in (model, loaded)
        )
        same(new.items, again.items, "lists of strangers changed while the model was stored")

    def planted_structure_is_found(self) -> None:
        """Of the user's own block, and most often the item that was left out."""
        _, valid = self.parts
        top = self.fitted.recommend(USERS, 5)
        own = block_of(top.items) == (USERS // (N_USERS // 4))[:, None]
        hold(own.mean() > 0.97, f"{own.mean():.1%} of the items are of the user's block, not 97 %")
        # 12 - 6 = 6 items of the block are left, one of them liked: by chance 5 of 6 are found
        hits = (top.items == valid.item[np.argsort(valid.user)][:, None]).any(axis=1)
        hold(hits.mean() > 0.7, f"{hits.mean():.1%} of the liked items are listed, not 70 %")

    def unknown_users_are_served_from_their_history(self) -> None:
        """Whatever number they have."""
        strangers = np.array([-1, N_USERS, 10**6, -1])
        histories = history(*([block * ITEMS + item for item in range(4)] for block in range(4)))
        top = self.fitted.recommend(strangers, 5, histories=histories)
        own = (block_of(top.items) == np.arange(4)[:, None]).mean()
        hold(
            own > 0.9, f"{own:.1%} of a stranger's items are of the block of the history, not 90 %"
        )

    def an_empty_history_gets_the_most_popular(self) -> None:
        """Given, or of a user who is not known."""
        top = self.fitted.recommend(np.array([-1]), 8, histories=history([]))
        found, most = self.liked[top.items[0]], np.sort(self.liked)[::-1][:8]
        same(found, most, "an empty history does not get the most popular items")
        again = self.fitted.recommend(np.array([10**6]), 8)
        same(top.items, again.items, "an unknown user does not get the most popular items")

    def a_history_that_says_nothing_gets_the_most_popular(self, case: str) -> None:
        """Disliked events, and items that the model never learned."""
        rating_exponent, items, rating = SAYING_NOTHING[case]
        model = copy(self.fitted)
        weighs = "rating_exponent" in type(model.config).model_fields
        if rating == 0 and not weighs:
            return
        if weighs:
            model.config = model.config.model_copy(update={"rating_exponent": rating_exponent})
        top = model.recommend(np.array([-1]), N_ITEMS, histories=history(items, rating=rating))
        seen = np.delete(self.liked, [*items, COLD_ITEM])
        found = self.liked[top.items[0, : len(seen)]]
        same(found, np.sort(seen)[::-1], f"{case}: such a history does not get the most popular")

    def lists_longer_than_the_catalogue_are_padded(self) -> None:
        """With -1 and a score of minus infinity; scores fall."""
        top = self.fitted.recommend(np.array([0, -1]), 100, histories=history([0, 1, 2], []))
        for row, unseen in enumerate((set(range(3, N_ITEMS)), set(range(N_ITEMS)))):
            listed, rest = top.items[row, : len(unseen)], top.items[row, len(unseen) :]
            hold(set(listed) == unseen, "a list does not hold all items that it could")
            hold((rest == -1).all(), "a list is not padded with -1")
            hold(np.isneginf(top.scores[row, len(unseen) :]).all(), "scores are not padded")
            hold((np.diff(top.scores[row, : len(unseen)]) <= 0).all(), "scores do not fall")

    def seen_and_cold_items_are_never_recommended(self) -> None:
        """Unless seen ones are asked for; cold ones not even then."""
        train, _ = self.parts
        top = self.fitted.recommend(USERS, N_ITEMS)
        recommended = set(zip(*np.nonzero(top.items >= 0), strict=True))
        pairs = {(int(user), int(top.items[user, rank])) for user, rank in recommended}
        seen = set(zip(train.user.tolist(), train.item.tolist(), strict=True))
        hold(not pairs & seen, "a list holds an item that its user knows")
        hold(COLD_ITEM not in top.items, "a list holds an item without a train row")
        every = self.fitted.recommend(USERS, N_ITEMS, exclude_seen=False)
        hold(set(every.items[0]) == set(range(N_ITEMS)), "exclude_seen=False leaves items out")

    def lists_of_allowed_items_are_the_whole_ranking_without_the_others(self, share: int) -> None:
        """Of every second item, or fewer: lists are full as long as there is something."""
        users, histories = np.array([0, 40, -1, -1]), history([1, 2], [0, 30, 31], [14, 28], [])
        allowed = np.arange(N_ITEMS + 1) % share == 0
        every = self.fitted.recommend(users, N_ITEMS, histories=histories)
        k = N_ITEMS // share
        some = self.fitted.recommend(users, k, histories=histories, allowed=allowed)
        for row in range(len(users)):
            left = (every.items[row] >= 0) & allowed[every.items[row]]
            length = min(k, int(left.sum()))
            same(
                some.items[row],
                np.pad(every.items[row, left][:k], (0, k - length), constant_values=-1),
                "a list of allowed items is not the whole ranking without the others",
            )
            np.testing.assert_allclose(
                some.scores[row, :length],
                every.scores[row, left][:length],
                rtol=1e-5,
                atol=1e-6,
                err_msg="an item's score depends on which others are allowed",
            )

    def scores_do_not_depend_on_the_size_of_the_block(self) -> None:
        """Users scored together and alone."""
        users = np.array([5, -1, 0, 77, -1])
        histories = history([1, 2], [30, 31, 4], [0, 5, 9], [20], [])
        together = self.fitted.score(users, histories)
        for row in range(len(users)):
            alone = self.fitted.score(users[row : row + 1], histories.take(np.array([row])))
            np.testing.assert_allclose(
                alone[0],
                together[row],
                rtol=1e-5,
                atol=1e-5,
                err_msg="a user's scores depend on who is scored together with it",
            )

    def two_histories_of_a_known_user_are_two_askers(self) -> None:
        """Of one request."""
        users, histories = np.array([3, 3]), history([0, 1, 2], [40, 41])
        together = self.fitted.recommend(users, 10, histories=histories)
        for row in range(2):
            one = histories.take(np.array([row]))
            alone = self.fitted.recommend(users[:1], 10, histories=one)
            same(together.items[row], alone.items[0], "a user's second history changes the first")
            np.testing.assert_allclose(together.scores[row], alone.scores[0], rtol=1e-6, atol=1e-6)

    def same_seed_same_result(self) -> None:
        """Bit by bit."""
        train, valid = self.parts
        first = self.undisturbed
        second = fit(self.name, train, valid=valid, runtime=Runtime(seed=4), **self.brief).state()
        hold(first.keys() == second.keys(), "two fits learned other arrays")
        for key, array in first.items():
            same(array, second[key], f"two fits with one seed differ in '{key}'")

    def a_resumed_fit_takes_the_steps_of_an_undisturbed_one(self, folder: Path) -> None:
        """After it was interrupted in its second epoch."""
        folder.mkdir(exist_ok=True)
        train, valid = self.parts

        def interrupt(event: Event) -> None:
            if len(list(folder.iterdir())) and "loss" in event.metrics:
                epochs.append(event)
            if len(epochs) == 2:
                raise KeyboardInterrupt

        epochs: list[Event] = []
        runtime = Runtime(seed=4, checkpoint=folder)
        try:
            fit(
                *(self.name, train),
                valid=valid,
                runtime=runtime,
                on_event=interrupt,
                **self.brief,
            )
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("it ended before its second epoch, or reported no loss")
        resumed = fit(self.name, train, valid=valid, runtime=runtime, **self.brief)
        for key, array in self.undisturbed.items():
            same(array, resumed.state()[key], f"a fit that was resumed differs in '{key}'")

    def wrong_queries_are_refused(self) -> None:
        """With what is wrong in the message."""
        with refused("k = 0", "a list of 0 items"):
            self.fitted.recommend(USERS, 0)
        with refused("1 histories for 2 users", "fewer histories than users"):
            self.fitted.recommend(np.array([0, 1]), 5, histories=history([1]))
        with refused("item number 999, the model knows 0 to 48", "a history of unknown items"):
            self.fitted.recommend(np.array([0]), 5, histories=history([1, 999]))
        with refused("none of the 1 allowed items is in the catalogue", "a list of nothing"):
            self.fitted.recommend(USERS, 5, allowed=np.arange(N_ITEMS + 1) == COLD_ITEM)
        with refused(r"allowed is bool of shape \(3,\)", "flags of other items"):
            self.fitted.recommend(USERS, 5, allowed=np.ones(3, dtype=np.bool_))

    def a_damaged_model_is_refused(self, folder: Path, damage: Callable[[Path], None]) -> None:
        """With its folder and what to do in the message."""
        self.fitted.save(folder)
        damage(folder)
        with refused(rf"(?s)damaged.*{AGAIN}", f"files that were damaged ({damage.__name__})"):
            type(self.fitted).load(folder)

    def a_foreign_model_is_refused(self, folder: Path) -> None:
        """No model, another class, another format, other fields."""
        model = self.fitted
        folder.mkdir(exist_ok=True)
        with refused(r"no saved model here \(model.json is missing\)", "an empty folder"):
            type(model).load(folder)
        model.save(folder)
        header = json.loads((folder / "model.json").read_text())
        for key, value, message in (
            ("class", "Stranger", f"this is a Stranger, not a {type(model).__name__}"),
            ("format", 99, "saved in format 99"),
            ("config", {"nonsense": 1}, "nonsense"),
        ):
            (folder / "model.json").write_text(json.dumps({**header, key: value}))
            with refused(message, f"a header with another '{key}'"):
                type(model).load(folder)

    def events_that_repeat(self, folder: Path) -> None:
        """Every event of the planted set thrice: as lists of `allow` and of `exclude`."""
        train, valid = self.parts
        rows = np.tile(np.arange(train.dataset.n_interactions), 3)
        data = repeated(train.dataset, rows)
        cuts = [np.flatnonzero(np.isin(rows, part.rows)) for part in (train, valid)]
        for known_items in ("allow", "exclude"):
            learned, judged = (
                Interactions.in_time_order(data, part, 4.0, known_items) for part in cuts
            )
            model = fit(self.name, learned, valid=judged, **self.least)
            top = model.recommend(USERS, N_ITEMS)
            listed = top.items >= 0
            hold(np.isfinite(top.scores[listed]).all(), "a listed item has no finite score")
            keys = USERS[:, None] * (N_ITEMS + 1) + top.items
            known = np.isin(keys[listed], learned.pairs())
            allowed = known_items == "allow"
            hold(known.any() == allowed, f"known_items: {known_items} does not decide about lists")
            hold(len(np.unique(keys[listed])) == listed.sum(), "an item is twice in a list")
        model.save(folder)
        loaded = type(model).load(folder)
        hold(loaded.known_items == "exclude", "known_items changed while the model was stored")
        found, expected = loaded.recommend(USERS, 5).items, model.recommend(USERS, 5).items
        same(found, expected, "lists changed while the model was stored")
