"""What the rows at hand leak: sentences that stay true where times tie, or are missing."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from recsys_core.data.interactions import Interactions

NOTHING = "Leaks nothing: every train row is from before every test row."
NOTHING_LATER = "Leaks nothing from later: no train row is from after a test row."
OTHERS_FUTURE = (
    "Leaks other users' future: a model sees what others did after the moment it is asked for."
)
FUTURE = "Leaks the future: a model learns from events that happened after those it is judged on."
TARGET_TIME = (
    "Leaks the time of the target: a model is told when the event happens that it is asked for."
)
UNKNOWN = (
    "May leak the future: the set has no times, so that events a model learns from may have"
    " happened after those it is judged on."
)


GIVEN = "As given: which rows are train and test was decided elsewhere."


def as_given(train: Interactions, valid: Interactions, test: Interactions) -> str:
    """Say what a split leaks that somebody else made, and which test rows nothing can hit."""
    unknown = train.item_counts()[test.item] == 0
    said = [GIVEN, shuffled(train, valid, test)]
    if unknown.any():
        said.append(
            f"{np.count_nonzero(unknown):,} of {len(test):,} test rows are of"
            f" {_count(np.unique(test.item[unknown]).size, 'item')} without a train row:"
            " if relevant, they are misses."
        )
    strangers = np.setdiff1d(test.user, train.user).size
    if strangers:
        said.append(f"{_count(strangers, 'test user')} without a train row.")
    return " ".join(said)


def of_new_users(train: Interactions, valid: Interactions, test: Interactions) -> str:
    """Say what a split by users leaks, and what is known of those who are asked for."""
    asked = 0 if test.query is None else len(test.query)
    return (
        f"{shuffled(train, valid, test)} No model learns from the {np.unique(test.user).size:,}"
        f" test users: it is asked with {asked:,} of their {asked + len(test):,} events."
    )


def of_new_items(train: Interactions, valid: Interactions, test: Interactions) -> str:
    """Say what a split with new items leaks, and how much of the test part is of them."""
    new = np.empty(0) if train.new_items is None else train.new_items
    rows = np.count_nonzero(np.isin(test.item, new))
    return (
        f"{shuffled(train, valid, test)} No model learns from the {_count(len(new), 'new item')},"
        f" of which {rows:,} of {len(test):,} test rows are."
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def at_one_moment(train: Interactions, valid: Interactions, test: Interactions) -> str:
    """Say what a cut at one moment for all users leaks, and which rows share that moment."""
    parts = {"train": train, "validation": valid, "test": test}
    shared = sorted(
        {
            int(before.timestamp[-1])
            for before, after in ((train, valid), (train, test), (valid, test))
            if len(before) and len(after) and before.timestamp[-1] == after.timestamp[0]
        }
    )
    if not shared:
        return NOTHING
    found = "; ".join(_moment(time, parts) for time in shared)
    return f"{NOTHING_LATER[:-1]}, but a cut falls between rows of the same time: {found}."


def _moment(time: int, parts: dict[str, Interactions]) -> str:
    """Count the rows of one moment by part: ``of the 5 rows of 1970-01-01 …, 3 are train, …``."""
    counts = {name: int(np.count_nonzero(part.timestamp == time)) for name, part in parts.items()}
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    when = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"of the {sum(counts.values()):,} rows of {when} UTC, {listed}"


def within_users(train: Interactions, valid: Interactions, test: Interactions) -> str:
    """Say what cuts at a moment of each user's own leak, and for how many users it is shared."""
    later = train.timestamp[-1] > test.timestamp[0]  # then another user's
    tied = _ends(train) == _starts(valid)
    tied |= _ends(valid) == _starts(test)
    if not tied.any():
        return OTHERS_FUTURE if later else NOTHING
    users = np.unique(test.user).size
    return (
        f"{OTHERS_FUTURE if later else NOTHING_LATER} The cuts of {np.count_nonzero(tied):,} of"
        f" {users:,} users fall between rows of the same time, where the order of the file decides."
    )


def _ends(part: Interactions) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Shape (n_users,): time of each user's last row; -1 without one."""
    times = np.full(part.n_users, -1, dtype=np.int64)
    times[part.user] = part.timestamp  # in time order: the last one stays
    return times


def _starts(part: Interactions) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Shape (n_users,): time of each user's first row; -2 without one."""
    times = np.full(part.n_users, -2, dtype=np.int64)
    times[part.user[::-1]] = part.timestamp[::-1]
    return times


def shuffled(train: Interactions, valid: Interactions, test: Interactions) -> str:
    """Say what a random cut leaks."""
    if not train.dataset.timed:
        return UNKNOWN
    if train.timestamp[-1] > test.timestamp[0]:
        return FUTURE
    return at_one_moment(train, valid, test)
