"""Extensions that are broken: named, with what to do, and no others suffer; no gate turns green."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.importer import import_dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.extended import add_list_metrics, register_metric, registered_metrics
from recsys_core.evaluation.names import check_metric_name
from recsys_core.evaluation.result import Evaluation
from recsys_core.extensions import extension_problems, load_extensions
from recsys_core.features.statistics import find_statistic
from recsys_core.protocols.registry import make_protocol, protocol_names
from recsys_core.testing import check_metric, check_protocol, check_statistic
from recsys_core.testing.made import made_events, made_lists
from tests.data.small import SMALL
from tests.extensions.conftest import Install
from tests.workbench.conftest import Cli
from workbench.store.listing import list_runs
from workbench.store.runs import Run

METRIC = """
from recsys_core.evaluation.extended import register_metric
@register_metric({name!r}, judges="lists", meaning="of a test"{more})
def compute(lists, k):
    {body}
"""
ONES = "return (lists.relevant > 0) * 1.0"


def metric(name: str = "mine", body: str = ONES, more: str = "") -> str:
    return METRIC.format(name=name, body=body, more=more)


PROTOCOL = """
import numpy as np
from recsys_core.protocols.base import TEST, TRAIN, VALID, Cut, ProtocolConfig
from recsys_core.protocols.registry import register_protocol
@register_protocol
class Mine(ProtocolConfig):
    '''For a test.'''
    name = {name!r}
    leaks = {leaks!r}
    def _cut(self, dataset, rows):
        {body}
"""
TRUE = "Leaks the future: parts hold rows of all times."
THIRDS = "return Cut(np.resize([TRAIN, VALID, TEST], len(rows)).astype(np.int8))"


def protocol(name: str = "mine", body: str = THIRDS, leaks: str = TRUE) -> str:
    return PROTOCOL.format(name=name, body=body, leaks=leaks)


STATISTIC = """
import numpy as np
from recsys_core.features.statistics import register_statistic
@register_statistic("mine", title="of a test")
def compute(past):
    {body}
"""
READER = """
from recsys_core.data.readers import Events, register_reader
@register_reader("mine", title="of a test", suffixes=(".mine",))
def read(file):
    {body}
"""


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("raise RuntimeError('no GPU')", "does not load: RuntimeError: no GPU"),
        ("import sys; sys.exit(0)", "does not load: SystemExit: 0"),
        ("def (", "does not load: SyntaxError"),
        ("import no_such_module", "does not load: No module named 'no_such_module'"),
        (metric("ndcg"), "metric 'ndcg' is built in; give yours another name"),
        (metric("good"), "metric 'good' is registered twice: a_good and broken"),
        (metric("Mine@10"), "metric 'Mine@10': not a name"),
        (metric(more=", low=2"), "low = 2, high = 1.0 is not a range"),
        (protocol("user-timeline"), "protocol 'user-timeline' is registered twice"),
        (protocol(leaks=""), r"protocol 'mine' \(broken.Mine\) does not say what it leaks"),
        (metric() + "raise ValueError('late')", "does not load: ValueError: late"),
    ],
)
def test_one_that_does_not_load_is_named_and_costs_no_other(
    install: Install, source: str, problem: str
) -> None:
    install({"broken": source, "a_good": metric("good")})
    heard: list[str] = []
    load_extensions(before=heard.append)  # the last of them ended a process that is gone
    assert heard == [f"extension '{x}' ({x} of mine 1.0)" for x in ("a_good", "broken")]
    (found,) = extension_problems()
    assert "extension 'broken' (broken of mine 1.0)" in found.problem
    with pytest.raises(InputError, match=problem):
        raise found
    assert found.remedy == "fix, reinstall or uninstall the package that provides it"
    assert [each.card.name for each in registered_metrics("lists")] == ["good"]
    assert "mine" not in protocol_names()
    check_metric_name("good@10")
    with pytest.raises(InputError, match="unknown metric 'mine@10'"):  # half a module is none
        check_metric_name("mine@10")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise KeyError('genres')", "it raised KeyError: 'genres'"),
        ("import sys; sys.exit(0)", "it raised SystemExit: 0"),
        ("return float('nan')", r"it returned float64 of shape \(\), not \d+ numbers, one per"),
        ("return lists.relevant * float('nan')", r"its value of \d+ users is NaN"),
        ("return lists.relevant / 0.0 if 1 / 1e-320 else 0", "its value inf is not in its range"),
        ("return lists.relevant + 7.0", r"its value \d+ is not in its range, 0 to 1"),
        ("return lists.users[:-1] * 0.0", r"it returned float64 of shape .*one per user"),
        ("return [object()] * len(lists.users)", "it returned object of shape"),
        ("lists.items[0] = 0; return lists.users * 0.0", "it raised ValueError: assignment dest"),
        ("return 'high'", "it returned <U4 of shape"),
    ],
)
def test_a_metric_that_breaks_at_use_is_null_and_costs_no_other(
    install: Install, body: str, reason: str
) -> None:
    install({"broken": metric("broken", f"import numpy as np; np.seterr(all='ignore'); {body}")})
    lists = made_lists()
    own = Evaluation(lists.users, {}, {"ndcg@10": 0.5})
    with np.errstate():
        found = add_list_metrics(own, lists, (5, 10))
        with pytest.raises(AssertionError, match=reason):
            check_metric("broken")
    assert found.metrics["ndcg@10"] == 0.5
    assert np.isnan(found.metrics["broken@5"])
    assert "broken@5" not in found.user_metrics
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.problems["broken@10"])
    assert found.problems["broken@10"].endswith("(broken.compute)")


def test_a_broken_metric_passes_no_gate(cli: Cli, install: Install) -> None:
    install({"broken": metric("broken", "return float('inf')", ", per_user=False")})
    gates = ["broken@10>=0", "broken@10<=1", "broken@10<1e9", "ndcg@10>=0"]
    options = [word for gate in gates for word in ("--gate", f"popularity:{gate}")]
    done = cli("eval", "--dataset", SMALL, "--models", "popularity", "--quiet", *options)
    assert done.code == 1
    assert (done.out.count("✗ not met"), done.out.count("✓ met")) == (3, 1)
    said = " ".join(done.out.split())
    assert "No value of popularity:broken@10, popularity:broken@20" in said
    assert "its value inf is not in its range, 0 to 1 (broken.compute)" in said


def test_a_command_names_what_does_not_load_and_a_gate_on_it_is_refused(
    cli: Cli, install: Install
) -> None:
    install({"broken": metric() + "raise ValueError('late')"})
    line = ("eval", "--dataset", SMALL, "--models", "popularity", "--quiet")
    done = cli(*line, "--gate", "popularity:mine@10>=0")
    assert done.code == 2
    assert done.err.startswith("error: unknown metric 'mine@10'")
    assert "note: extension 'broken' (broken of mine 1.0) does not load: ValueError" in done.err
    done = cli(*line, "--gate", "popularity:ndcg@10>=0")
    assert (done.code, done.err.count("note: extension 'broken'")) == (0, 1)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise KeyError('price')", r"protocol 'mine' \(broken.Mine\) raised KeyError: 'price'"),
        ("return None", "did not return a Cut with one whole number per row"),
        ("return Cut(np.zeros(3, np.int8))", "did not return a Cut with one whole number per row"),
        ("return Cut(np.full(len(rows), 7))", "gave rows other parts than TRAIN, VALID, TEST"),
        ("return Cut(np.full(len(rows), TRAIN))", "the validation part is empty"),
        ("dataset.timestamp[:] = 0; " + THIRDS, "changes the data's column 'timestamp'"),
        ("return Cut(np.random.randint(0, 3, len(rows)))", "cuts otherwise when it is asked again"),
    ],
)
def test_a_broken_protocol_is_named(install: Install, body: str, problem: str) -> None:
    install({"broken": protocol(body=body)})
    with pytest.raises(AssertionError, match=problem):
        check_protocol("mine")


def test_a_protocol_that_claims_too_much_is_caught(install: Install) -> None:
    install({"wrong": protocol(leaks="Leaks nothing: it says so.")})
    make_protocol({"name": "mine"}).split(made_events())
    with pytest.raises(AssertionError, match="a train row is after a test row"):
        check_protocol("mine")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise KeyError('genres')", r"statistic 'mine' \(broken.compute\) raised KeyError"),
        ("return past.count[:3]", "not a number per row"),
        ("return past.count + np.inf", "returned an infinite value"),
        ("return past.count * np.nan", "is missing in every row"),
        ("q = past.queries; return q.dataset.rating[q.event]", "depends on the row's own rating"),
    ],
)
def test_a_broken_statistic_is_named(install: Install, body: str, problem: str) -> None:
    install({"broken": STATISTIC.format(body=body)})
    assert find_statistic("mine") is not None
    with pytest.raises(AssertionError, match=problem):
        check_statistic("mine")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise KeyError('at')", r"log.mine: reader 'mine' \(broken.read\) raised KeyError: 'at'"),
        ("return [1, 2]", "returned no Events"),
        ("return Events(user=[1, 2], item=[3])", "columns of several lengths: user 2, item 1"),
        ("return Events(user=[], item=[])", "there are no rows"),
        ("return Events([1], ['b'], rating=[float('nan')])", "row 1: rating is ''"),
        ("return Events([1, 2], ['b', None])", "row 2: item is ''"),
        ("return Events([1], ['b'], timestamp=[1e300])", r"row 1: timestamp is '1e\+300'"),
        ("return Events([1], ['b'], label=[2])", "row 1: label is '2'"),
        ("return Events([1], ['b'], rating=[1], label=[1])", "gave ratings and labels"),
    ],
)
def test_a_broken_reader_is_named(
    install: Install, tmp_path: Path, body: str, problem: str
) -> None:
    install({"broken": READER.format(body=body)})
    (tmp_path / "log.mine").write_text("x")
    with pytest.raises(InputError, match=problem):
        import_dataset(tmp_path / "log.mine", tmp_path / "data")


def test_a_reader_gives_all_that_a_set_may_hold(install: Install, tmp_path: Path) -> None:
    """Two rows of one pair, of which the last stays; types, further columns, a table of items."""
    body = """return Events(
        user=[b"ann", "bob", "ann"], item=[7, 7, 7], rating=[1, 2, 3], timestamp=[5, 6, 7],
        type=["view", "buy", "buy"], columns={"price": [1.5, 2, 2.5]},
        items=Attributes(["7"], {"shelf": RawColumn("categorical", ["poems"])}))"""
    source = "from recsys_core.data.attributes import Attributes, RawColumn\n"
    install({"whole": source + READER.format(body=body)})
    (tmp_path / "log.mine").write_text("x")
    from recsys_core.data.import_options import ImportOptions

    options = ImportOptions(repeats="last")
    found = import_dataset(tmp_path / "log.mine", tmp_path / "data", "log", options)
    assert [found.user_ids.tolist(), found.item_ids.tolist()] == [["ann", "bob"], ["7"]]
    assert [found.rating.tolist(), found.timestamp.tolist()] == [[2, 3], [6, 7]]
    assert sorted(found.event_columns) == ["price", "type"]
    assert list(found.item_columns) == ["shelf"]


def test_other_code_of_a_reader_reads_a_file_anew(install: Install, tmp_path: Path) -> None:
    from recsys_core.data.find import find_raw
    from recsys_core.data.import_options import ImportOptions

    (tmp_path / "log.mine").write_text("x")
    digests = []
    for rating in (1, 2):
        install({"edited": READER.format(body=f"return Events([1], [2], rating=[{rating}])")})
        digests.append(find_raw(tmp_path / "log.mine", ImportOptions()).digest)
    assert digests[0] != digests[1]


def test_metrics_of_others_change_no_digit_of_the_built_in_ones(
    install: Install, cli: Cli, runs_dir: Path
) -> None:
    line = ("eval", "--dataset", SMALL, "--models", "popularity", "--quiet", "--fresh")
    assert cli(*line).code == 0
    install({"one": metric("one"), "two": metric("two", "return 0.5", ", per_user=False")})
    assert cli(*line).code == 0
    second, first = (Run(each.folder).metrics for each in list_runs(runs_dir))
    assert second["metrics"]["one@10"] == 1
    assert second["metrics"]["two@10"] == 0.5
    assert "two@10" not in second["ci95"]
    assert {name: second["metrics"][name] for name in first["metrics"]} == first["metrics"]
    assert {name: second["ci95"][name] for name in first["ci95"]} == first["ci95"]
    assert first["reuse_key"] != second["reuse_key"]


def test_a_metric_is_registered_once() -> None:
    with pytest.raises(InputError, match="value of 'judges' of metric 'mine'"):
        register_metric("mine", judges="list", meaning="x")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="its meaning has 2 lines"):
        register_metric("mine", judges="lists", meaning="one\ntwo")
