"""The paired test of the table agrees with the one of `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.evaluation.significance import paired_test
from recsys_core.evaluation.student import t_tails
from tests.tui.folders import write_run
from tests.workbench.results import without_arrays
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary, list_runs
from workbench.store.paired import PairedDifference, paired_differences
from workbench.store.results import Tables, write_results
from workbench.tui.view.significance import (
    PairedTests,
    compare_pair,
    p_value,
    pair_of,
    verdict_on,
)


def write_users(
    folder: Path, values: dict[str, list[float]], users: Sequence[int] | None = None
) -> Path:
    """Write results of users, all by default; their values by metric."""
    who = np.arange(len(next(iter(values.values())))) if users is None else np.array(users)
    tables = Tables(
        user_ids=np.array([f"u{user}" for user in range(max(who) + 1)]),
        item_ids=np.array(["i"]),
        users=who,
        user_metrics={name: np.array(value) for name, value in values.items()},
    )
    folder.mkdir(exist_ok=True)
    write_results(folder / "results.sqlite", tables)
    return folder / "results.sqlite"


@given(st.floats(-60, 60), st.integers(1, 20_000))
def test_tails_are_scipys(t: float, freedom: int) -> None:
    from scipy import stats

    assert t_tails(t, freedom) == pytest.approx(
        2 * stats.t.sf(abs(t), freedom), rel=1e-8, abs=1e-290
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(2, 60),
    left=st.integers(1, 3),
    right=st.integers(1, 2),
)
def test_arrays_and_sums_in_sqlite_give_the_paired_test(
    seed: int, users: int, left: int, right: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any number of seeds a side; some users lack a value in some runs."""
    rng = np.random.default_rng(seed)
    values = rng.random((left + right, users))
    values[rng.random(values.shape) < 0.1] = np.nan
    folder = tmp_path_factory.mktemp("runs")
    files = [write_users(folder / f"{n}", {"m": list(row)}) for n, row in enumerate(values)]
    expected = paired_test(values[:left].mean(axis=0), values[left:].mean(axis=0))
    for earlier in (False, True):  # one file without arrays is enough for the sums
        if earlier:
            without_arrays(files[-1])
        found = paired_differences(files[:left], files[left:])
        if expected.n < 2:
            assert found == {}
            continue
        assert found["m"].users == expected.n
        assert found["m"].mean == pytest.approx(expected.delta, abs=1e-12)
        result = verdict_on(found["m"])
        assert result.p_value == pytest.approx(expected.p_value, rel=1e-6, abs=1e-12)
        assert result.interval == pytest.approx(expected.ci95, rel=1e-6, abs=1e-9)


def test_files_about_other_users_are_compared_over_those_of_both(tmp_path: Path) -> None:
    a = write_users(tmp_path / "a", {"m": [0.3, 0.4, 0.9, 0.1]}, users=[5, 2, 9, 4])
    b = write_users(tmp_path / "b", {"m": [0.2, 0.8, 0.1]}, users=[2, 4, 9])
    by_arrays = paired_differences([a], [b])["m"]
    assert by_arrays.users == 3
    assert by_arrays.mean == pytest.approx((0.2 - 0.7 + 0.8) / 3)
    without_arrays(a)
    by_sums = paired_differences([a], [b])["m"]
    assert by_sums.mean == pytest.approx(by_arrays.mean)
    assert by_sums.error == pytest.approx(by_arrays.error)


def test_users_that_all_differ_alike(tmp_path: Path) -> None:
    a = write_users(tmp_path / "a", {"m": [0.3, 0.4, 0.9], "alone": [1.0, 1.0, 1.0]})
    b = write_users(tmp_path / "b", {"m": [0.1, 0.2, 0.7]})
    [(metric, found)] = paired_differences([a], [b]).items()
    assert (metric, found.users, found.error) == ("m", 3, 0.0)
    assert found.mean == pytest.approx(0.2)
    assert p_value(found) == 0
    assert p_value(PairedDifference(3, 0.0, 0.0)) == 1


def test_files_that_are_not_there_or_damaged(tmp_path: Path) -> None:
    a = write_users(tmp_path / "a", {"m": [0.3, 0.4]})
    with pytest.raises(StoreError, match="no such file"):
        paired_differences([a], [tmp_path / "b"])
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="broken: damaged: file is not a database"):
        paired_differences([a], [broken])


def run_with_users(runs: Path, number: int, values: list[float]) -> RunSummary:
    metrics = {"ndcg@10": fmean(values)}
    folder = write_run(runs, f"m{number}", number=number, metrics=metrics)
    write_users(folder, {"ndcg@10": values})
    return next(run for run in list_runs(runs) if run.folder == folder)


def test_p_values_are_corrected_over_the_rows_of_the_table(tmp_path: Path) -> None:
    from scipy import stats

    base, better, same = (
        run_with_users(tmp_path, n, values)
        for n, values in enumerate(
            ([0.1, 0.4, 0.2, 0.6], [0.2, 0.6, 0.2, 0.9], [0.0, 0.5, 0.1, 0.6])
        )
    )
    pairs = [pair_of((run,), (base,)) for run in (better, same)]
    tests = PairedTests()
    assert tests.corrected(pairs) is None
    tests.known[pairs[0]] = compare_pair((better,), (base,))
    assert tests.missing(pairs) == [pairs[1]]
    tests.known[pairs[1]] = compare_pair((same,), (base,))
    adjusted = tests.corrected(pairs)
    assert adjusted is not None
    # users differ by .1 .2 0 .3, whose p is the smaller one, so Holm doubles it
    raw = stats.ttest_rel([0.2, 0.6, 0.2, 0.9], [0.1, 0.4, 0.2, 0.6]).pvalue
    first, alone = adjusted[pairs[0]]["ndcg@10"], compare_pair((better,), (base,))["ndcg@10"]
    assert first is not None
    assert alone is not None
    assert first.p_value == pytest.approx(2 * raw)
    assert first.interval == alone.interval
    (better.folder / "results.sqlite").unlink()
    assert compare_pair((better,), (base,)) == {}
