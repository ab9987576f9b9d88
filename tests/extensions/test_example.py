"""examples/plugin, installed: its five parts in table, gate, report, form, help and import."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core import extensions
from recsys_core.data.load import load_dataset
from recsys_core.evaluation import names
from recsys_core.pipeline.run import load_split, reuse_key
from recsys_core.pipeline.spec import JobSpec
from recsys_core.testing.made import made_events
from tests.data.small import SMALL
from tests.extensions.conftest import EXAMPLE, Install
from tests.workbench.conftest import Cli
from workbench.jobs import catalogue_build
from workbench.jobs.catalogue import Catalogue
from workbench.jobs.catalogue_build import describe_all
from workbench.store.listing import list_runs
from workbench.tui.screens.help import help_sections
from workbench.tui.settings import Settings
from workbench.tui.view.form import Form

pytestmark = pytest.mark.usefixtures("bookshop")

SCHEMA = """
name: weekends
features:
  - {name: item_id, source: item, kind: categorical}
  - {name: weekend_share, source: user-history, kind: numeric}
"""


def write_log(path: Path) -> None:
    """Write made-up events as the shop's log has them."""
    data = made_events()
    columns = (data.user, data.item, data.rating, data.timestamp)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    keys = ("reader", "book", "stars", "at")
    path.write_text("".join(f"{json.dumps(dict(zip(keys, row, strict=True)))}\n" for row in rows))


def test_from_a_log_to_a_gate_and_a_report(
    cli: Cli, tmp_path: Path, data_dir: Path, runs_dir: Path, install: Install
) -> None:
    logs, schema = tmp_path / "logs", tmp_path / "weekends.yaml"
    logs.mkdir()
    write_log(logs / "log.jsonl")
    (logs / "books.jsonl").write_text('{"id": "1", "shelf": "poems"}\n')  # it is not the log
    imported = cli("data", "import", str(logs), "--name", "shop")
    assert "read as        the shop's log: a JSON object per line (reader shop-log)" in imported.out
    np.testing.assert_array_equal(
        np.sort(load_dataset("shop", data_dir).timestamp), np.sort(made_events().timestamp)
    )

    cut = ("--dataset", "shop", "--protocol", "last-days", "--set", "protocol.days=60")
    shared = (*cut, "--k", "5", "--quiet")
    page, table = tmp_path / "report.html", tmp_path / "report.json"
    line = ("eval", "--models", "co-likes,popularity", *shared, "--gate", "co-likes:rbp@5>=0.05")
    done = cli(*line, "--gate", "popularity:rbp@5>0.99", "--report", str(page))
    assert done.code == 1
    assert "co-likes:rbp@5>=0.05" in done.out
    assert "rbp@5" in page.read_text()
    assert "rank-biased precision: hits, each next rank worth 0.8 times" in page.read_text()
    assert "Leaks nothing: every train row is from before every test row." in done.out

    fields = ("--features", str(schema), "--set", "epochs=1")
    schema.write_text(SCHEMA)
    done = cli("train", "--model", "lr", *shared, *fields, "--report", str(table))
    assert "brier ↓" in done.out
    report = json.loads(table.read_text())
    (run,) = report["runs"]
    assert run["features"]["schema"] == "weekends"
    assert 0 < run["metrics"]["brier"] < 1
    assert run["ci95"]["brier"][0] < run["metrics"]["brier"] < run["ci95"]["brier"][1]
    assert report["protocol"]["parameters"]["days"] == 60
    described = cli("data", "describe", "shop", "--features", str(schema))
    assert "weekend_share" in described.out
    _, second, first = (run.run_id for run in list_runs(runs_dir))
    install()  # the package is gone: its runs are still read
    assert "rbp@5" in cli("compare", first, second).out
    assert cli("runs", "show", first).code == 0


def test_a_gate_on_an_unknown_metric_names_those_of_extensions(cli: Cli) -> None:
    line = ("eval", "--dataset", SMALL, "--models", "popularity", "--quiet")
    done = cli(*line, "--gate", "popularity:rbq@10>0")
    assert done.code == 2
    assert "did you mean 'rbp@10'?" in done.err
    done = cli(*line, "--gate", "popularity:brier<1")
    assert "recall runs have no metric 'brier'" in done.err


def test_every_file_of_the_package_counts_for_reuse(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key() -> str:
        spec = JobSpec(dataset=SMALL, model="popularity", protocol={"name": "user-timeline"})
        return reuse_key(spec, load_split(spec, data_dir=data_dir))

    first = key()
    assert key() == first
    files = extensions.package_files("bookshop")
    (tmp_path / "more.txt").write_text("a table that the metric reads")
    more = [*files, ("bookshop/more.txt", tmp_path / "more.txt")]
    monkeypatch.setattr(extensions, "package_files", lambda top: more if top == "bookshop" else [])
    from recsys_core.pipeline.environment import code_fingerprint

    code_fingerprint.cache_clear()
    assert key() != first


def test_the_form_and_help_of_the_session_know_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_build, "model_names", lambda: ["co-likes"])  # all take seconds
    catalogue = Catalogue.parse(json.loads(json.dumps(describe_all())))
    assert list(catalogue.problems) == []
    form = Form(catalogue, [SMALL], [])
    form.set("model", "co-likes")
    form.set("protocol", "last-days")
    assert {"co-likes.least", "protocol last-days.days"} <= set(form.fields())
    names._cards.clear()  # as in the process of the session, which imports none
    extensions.import_none()
    assert names.meaning_of("rbp@5") == ""
    catalogue.show_metrics()
    assert not names.higher_is_better("brier")
    shown = dict(help_sections(Settings(), set()))["Metrics"]
    assert ("rbp", names.meaning_of("rbp@10")) in shown
    assert names.meaning_of("rbp@10").startswith("0 to 1, more is better: rank-biased")


def package_tests() -> list[Any]:
    """List the package's own tests, with the values that they are asked for."""
    path = EXAMPLE / "tests" / "test_bookshop.py"
    spec = spec_from_file_location("test_bookshop", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found = []
    for name, test in vars(module).items():
        if name.startswith("test_"):
            marks = [mark.args[1] for mark in getattr(test, "pytestmark", [])]
            found += [partial(test, value) for value in marks[0]] if marks else [test]
    return found


def test_the_tests_of_the_package_pass() -> None:
    tests = package_tests()
    assert len(tests) == 9
    for test in tests:
        test()


def test_what_stays_light_imports_none_of_it(tmp_path: Path) -> None:
    """Neither a list of names nor a comparison of built-in metrics looks for extensions."""
    code = (
        "import sys; from recsys_core.evaluation.names import *; import workbench.cli.main\n"
        "assert higher_is_better('ndcg@10') and meaning_of('auc'); check_metric_name('recall@5')\n"
        "print([m for m in ('importlib.metadata', 'numpy', 'bookshop') if m in sys.modules])"
    )
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=EXAMPLE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
