"""Write what the suites published, and the figures of both READMEs: `make published`.

In every table of docs/models with the columns suite, label and ``published METRIC`` that column is
what the suite's references have, with a * where a note says what is not comparable. The list of all
figures with sources and notes stands in docs/models/README.md, between two marks.

The tables of figures in README.md and README.zh-CN.md have our figures from the tables of
docs/models/README.md, and the published ones from the suites: they cannot say anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from recsys_core.pipeline.suites import Reference, Suite, load_suite, suite_names
from recsys_core.registry import model_info

PAGES = Path(__file__).parent
ROOT = PAGES.parents[1]
BEGIN, END = "<!-- published figures: make published -->", "<!-- end -->"
NONE = "—"

#: of the READMEs: suite, metrics and labels
SHOWN: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    (
        "topn-random-ml1m",
        ("ndcg@10",),
        ("popularity", "item-cf-plain", "item-cf", "mf", "mf-bpr", "ease", "two-stage"),
    ),
    (
        "next-item-ml1m",
        ("ndcg@10",),
        ("sasrec", "sasrec-gated", "hstu", "youtube-dnn-plain", "youtube-dnn", "two-stage"),
    ),
    ("next-item-target-ml1m", ("ndcg@10",), ("youtube-dnn",)),
    ("recall-user-timeline-ml1m", ("ndcg@10",), ("youtube-dnn",)),
    ("seed", ("ndcg@10",), ("two-stage",)),
    (
        "ctr-random-ml1m",
        ("auc", "logloss"),
        ("lr", "fm", "deep", "deepfm", "dcn-v2", "qnn", "dcn-v2-full"),
    ),
]
NAMES = {"auc": "AUC", "logloss": "LogLoss"}


class Words(NamedTuple):
    """What a README says beside figures, in its language."""

    heads: str
    one_seed: str
    #: of what a label of a suite is
    remarks: dict[tuple[str, str], str]


READMES = {
    "README.md": Words(
        "suite, metric | model or its label in the suite | ours | published",
        "one seed",
        {
            ("topn-random-ml1m", "item-cf-plain"): "cosine, 250 neighbours",
            ("next-item-ml1m", "youtube-dnn"): "reads times of past events",
            ("next-item-target-ml1m", "youtube-dnn"): "told the time of the event it predicts",
            ("ctr-random-ml1m", "dcn-v2-full"): "also reads histories and statistics",
        },
    ),
    "README.zh-CN.md": Words(
        "评测套件 | 模型 | 本项目 | 公开结果",
        "单个种子",
        {
            ("topn-random-ml1m", "item-cf-plain"): "余弦相似度、250 个近邻",
            ("next-item-ml1m", "youtube-dnn"): "使用过去行为的时间",
            ("next-item-target-ml1m", "youtube-dnn"): "已知所预测行为的时间",
            ("ctr-random-ml1m", "dcn-v2-full"): "还使用历史序列与统计特征",
        },
    ),
}


class Measured(NamedTuple):
    """Our figures: of model seed 0, and means over several seeds, by suite, label and metric."""

    first: dict[tuple[str, str, str], float]
    means: dict[tuple[str, str, str], str]


def updated(text: str, suites: dict[str, Suite]) -> str:
    """Bring the tables of a page, and the list of figures where there is one, up to date."""
    lines = [
        _row(line, cells, heads, suites) if heads and cells != heads else line
        for line, cells, heads in _lines(text)
    ]
    return _between_marks("\n".join(lines), _list(suites))


def updated_readme(text: str, words: Words, measured: Measured, suites: dict[str, Suite]) -> str:
    """Bring the table of figures of a README up to date."""
    return _between_marks(text, _shown(words, measured, suites))


def read_measured(text: str) -> Measured:
    """Read our figures from the tables of docs/models/README.md."""
    measured = Measured({}, {})
    for _, cells, heads in _lines(text):
        if not heads or cells == heads or cells[0].startswith("---"):
            continue
        suite, label = cells[0].strip("`"), cells[1]
        if heads[2] == "metric":
            measured.means[suite, label, cells[2]] = cells[heads.index("mean")]
            continue
        for head, cell in zip(heads[2:], cells[2:], strict=True):
            metric = head.removesuffix(" [95 %]").lower()
            if found := re.match(r"\d\.\d{4}", cell):
                measured.first[suite, label, metric] = float(found[0])
    return measured


def _lines(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each line, its cells, and the heads of its table where these are suite, label …."""
    heads: list[str] = []
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells or cells[:2] == ["suite", "label"]:
            heads = cells
        yield line, cells, heads


def _between_marks(text: str, lines: Iterator[str]) -> str:
    """Replace what stands between the marks."""
    whole = "\n".join([BEGIN, "", *lines, "", END])
    return re.sub(f"{BEGIN}.*?{END}", lambda _: whole, text, flags=re.DOTALL)


def _row(line: str, cells: list[str], heads: list[str], suites: dict[str, Suite]) -> str:
    """Fill in the published figure of one row of a table."""
    column = next((i for i, head in enumerate(heads) if head.startswith("published ")), None)
    suite = suites.get(cells[0].strip("`")) if len(cells) == len(heads) else None
    if column is None or suite is None:
        return line
    metric = heads[column].removeprefix("published ").lower()
    figure = suite.references.get(cells[1], {}).get(metric)
    cells[column] = NONE if figure is None else f"{figure.value:.4f}{'*' if figure.note else ''}"
    return f"| {' | '.join(cells)} |"


def _list(suites: dict[str, Suite]) -> Iterator[str]:
    """Write a row for each label and source of a suite."""
    yield "| suite | label | figures | source | not comparable |"
    yield "|---|---|---|---|---|"
    for suite in suites.values():
        for label, references in suite.references.items():
            by_source: dict[tuple[str, str], list[tuple[str, Reference]]] = {}
            for metric, figure in references.items():
                by_source.setdefault((figure.source, figure.note), []).append((metric, figure))
            for (source, note), figures in by_source.items():
                said = ", ".join(f"{metric} {figure.value:.4f}" for metric, figure in figures)
                yield f"| `{suite.name}` | {label} | {said} | {source} | {note or NONE} |"


def _shown(words: Words, measured: Measured, suites: dict[str, Suite]) -> Iterator[str]:
    """Write the table of a README."""
    yield f"| {words.heads} |"
    yield "|---|---|---|---|"
    for name, metrics, labels in SHOWN:
        first = f"`{name}`, {' / '.join(NAMES.get(metric, metric) for metric in metrics)}"
        for label in labels:
            cells = [first, _label(words, measured, suites[name], metrics[0], label)]
            cells.append(" / ".join(_ours(measured, name, label, metric) for metric in metrics))
            cells.append(_theirs(suites[name], label, metrics))
            yield f"| {' | '.join(cells)} |".replace("|  |", "| |")
            first = ""


def _label(words: Words, measured: Measured, suite: Suite, metric: str, label: str) -> str:
    model = next(job.model for job in suite.jobs if job.name == label)
    said = [words.remarks.get((suite.name, label), "")]
    if (suite.name, label, metric) not in measured.means and not model_info(model).deterministic:
        said.append(words.one_seed)
    return f"`{label}`" + "".join(f", {remark}" for remark in said if remark)


def _ours(measured: Measured, suite: str, label: str, metric: str) -> str:
    mean = measured.means.get((suite, label, metric))
    return mean or _short(measured.first[suite, label, metric])


def _theirs(suite: Suite, label: str, metrics: tuple[str, ...]) -> str:
    """Write published figures, with who published them and what is not comparable."""
    references = suite.references.get(label, {})
    figures = [references[metric] for metric in metrics if metric in references]
    if not figures:
        return ""
    source = re.split(r"[,:] ", figures[0].source)[0]
    said = f"{source}; {figures[0].note}" if figures[0].note else source
    return f"{' / '.join(_short(figure.value) for figure in figures)} ({said})"


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def main() -> None:
    """Rewrite what is not up to date."""
    suites = {name: load_suite(name) for name in suite_names()}
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        _write(page, text, updated(text, suites))
    measured = read_measured((PAGES / "README.md").read_text(encoding="utf-8"))
    for name, words in READMES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        _write(ROOT / name, text, updated_readme(text, words, measured, suites))


def _write(page: Path, text: str, new: str) -> None:
    if new != text:
        page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
