"""Files and values that a stranger, an editor or a damaged disk hands in: one line each, exit 2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.test_reading import BILLION
from tests.workbench.conftest import Cli

#: YAML that stands for no value, by what makes it so
BAD_YAML = {
    "a date that is none": "2001-99-99",
    "no bool": "!!bool x",
    "no int": "!!int x",
    "no float": "!!float x",
    "no time": "!!timestamp x",
    "no hexadecimal": "0x_",
    "many digits": "9" * 5000,
    "many digits, hexadecimal": "0x" + "f" * 5000,
    "deep": "[" * 5000,
    "not closed": "[1",
    "python": "!!python/object/apply:os.system [id]",
}
FILES = {
    "suite": (
        ("eval", "--quiet", "--suite"),
        "name: x\ndataset: sample\nprotocol: {name: user-timeline}\njobs: [{model: mf}]\ntitle: ",
    ),
    "config": (("train", "--quiet", "--model", "mf", "--dataset", "sample", "--config"), "dim: "),
    "spec": (("queue", "add", "--spec"), "model: mf\ndataset: sample\nlabel: "),
    "features": (
        ("data", "describe", "sample", "--features"),
        "name: x\nfeatures: [{name: user_id, source: user, kind: categorical}]\ntitle: ",
    ),
}


def fails_in_short(cli: Cli, line: Sequence[str], *texts: str) -> None:
    """Check that a line ends with 2, and says why in two lines at most, none of them long."""
    done = cli(*line)
    assert done.code == 2, done
    assert done.out == ""
    lines = done.err.splitlines()
    assert 1 <= len(lines) <= 2
    assert max(map(len, lines)) < 1600
    for text in texts:
        assert text in done.err


@pytest.mark.parametrize("value", BAD_YAML.values(), ids=BAD_YAML.keys())
@pytest.mark.parametrize("kind", FILES)
def test_yaml_that_cannot_be_read_is_named_with_its_place(
    cli: Cli, tmp_path: Path, kind: str, value: str
) -> None:
    line, text = FILES[kind]
    path = tmp_path / "x.yaml"
    path.write_text(text + value + "\n")
    place = f"{path}: line {text.count(chr(10)) + 1}"
    not_closed = value == "[1"  # found out on the line after the last
    fails_in_short(cli, [*line, str(path)], str(path) if not_closed else place, "not valid YAML")


@pytest.mark.parametrize("kind", FILES)
def test_aliases_that_multiply_are_refused(cli: Cli, tmp_path: Path, kind: str) -> None:
    line, text = FILES[kind]
    path = tmp_path / "x.yaml"
    path.write_text(f"{BILLION}{text}x\n")
    fails_in_short(cli, [*line, str(path)], f"{path}: line ", "more than 200,000 values")


@pytest.mark.parametrize("value", BAD_YAML.values(), ids=BAD_YAML.keys())
def test_values_on_the_line_that_no_field_takes(cli: Cli, value: str) -> None:
    train = ["train", "--quiet", "--model", "mf", "--dataset", "sample"]
    fails_in_short(cli, [*train, "--set", f"dim={value}"], "model mf: dim = ", "integer")
    add = ["queue", "add", "--model", "mf", "--dataset", "sample", "--sweep"]
    fails_in_short(cli, [*add, f"dim=choice({value})"], "--sweep '", "dim")
    fails_in_short(cli, [*add, f"dim=int(1,{value})"], "--sweep '")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("learning_rate=.inf", "finite number"),
        ("learning_rate=nan", "finite number"),
        ("learning_rate=1e999", "finite number"),
        ("learning_rate=2001-01-01", "valid number"),
        (f"learning_rate={'9' * 299}", "less than or equal to"),
        ("dim=2001-01-01", "dim = '2001-01-01': input should be a valid integer"),
        (f"dim={'x' * 1_000_000}", "valid integer"),
        (f"dim=[{'1, ' * 10_000}]", "valid integer"),
        (f"{'x' * 1_000_000}=1", "unknown field of model mf 'xxx"),
    ],
    ids=lambda text: text[:30],
)
def test_numbers_that_are_none_and_values_at_length(cli: Cli, change: str, reason: str) -> None:
    line = ["train", "--quiet", "--model", "mf", "--dataset", "sample", "--set", change]
    fails_in_short(cli, line, reason)


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--gate", f"popularity:ndcg@10>={DIGITS}"], "is not a number"),
        (["--gate", "popularity:ndcg@10>=nan"], "is not a number"),
        (["--gate", f"popularity:ndcg@{DIGITS}>=1"], "K must be a whole number"),
        (["--gate", "x" * 1_000_000], "is not of the form"),
        (["--gate", f"{'x' * 1_000_000}:ndcg@10>=1"], "unknown label in gate"),
        (["--tolerance", f"ndcg@10={DIGITS}"], "is not a number"),
        (["--tolerance", f"ndcg@{DIGITS}=1"], "K must be a whole number"),
        (["--dataset", "\udcff/x.csv"], "unable to parse raw data as a unicode string"),
        (["--dataset", "x" * 4000], "unknown data set"),
        (["--baseline", "x" * 5000], "no run 'xxx"),
        (["--report", "x" * 300 + ".json"], "cannot be written: File name too long"),
        (["--k", DIGITS], "is not a whole number"),
        (["--seeds", DIGITS], "is not a whole number"),
        (["--models", "x" * 1_000_000], "unknown label or model"),
        (["--set", f"{'x' * 1_000_000}.a=1"], "unknown label in --set"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_options_of_thousands_of_digits(cli: Cli, options: list[str], reason: str) -> None:
    models = [] if options[0] == "--models" else ["--models", "popularity"]
    line = ["eval", "--quiet", "--dataset", "sample", *models, *options]
    fails_in_short(cli, line, reason)


@pytest.mark.parametrize(
    "report",
    [
        "[" * 50_000,
        '{"schema": ' + DIGITS + "}",
        '{"schema": ' + "[" * 900 + "]" * 900 + "}",
        '{"schema": 1, "summary": [{"label": [], "metric": "a", "mean": 1}]}',
        '{"schema": 1, "summary": [{"label": "a", "metric": {}, "mean": 1}]}',
        '{"schema": 1, "summary": [{"label": "a", "metric": "auc", "mean": "'
        + "x" * 1_000_000
        + '"}]}',
        '{"schema": 1, "summary": [{"label": "a", "metric": "auc", "mean": Infinity}]}',
        '{"schema": 1, "summary": 1}',
        '{"schema": 1, "summary": [], "protocol": {"fingerprint": []}}',
        '{"schema": 1, "summary": [], "protocol": []}',
        "\x00",
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_damaged_baseline_is_named(cli: Cli, tmp_path: Path, report: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(report)
    line = ["eval", "--quiet", "--dataset", "sample", "--models", "popularity"]
    fails_in_short(cli, [*line, "--baseline", str(path)], str(path))


@pytest.mark.parametrize(
    "bounds", ["nan,5", "0,inf", "-1e999,5", "5,0", "5", f"0,x{DIGITS}"], ids=lambda x: x[:9]
)
def test_a_range_of_ratings_is_two_finite_numbers(cli: Cli, bounds: str) -> None:
    line = ["data", "import", "none.csv", "--rating-range", bounds]
    fails_in_short(cli, line, "is not two ascending numbers")
