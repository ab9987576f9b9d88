"""Write the published figures of the suites into the tables of docs/models: `make published`.

In every table with the columns suite, label and ``published METRIC`` that column is what the
suite's references have, with a * where a note says what is not comparable. The list of all figures
with sources and notes stands in README.md, between two marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from recsys_core.pipeline.suites import Reference, Suite, load_suite, suite_names

PAGES = Path(__file__).parent
BEGIN, END = "<!-- published figures: make published -->", "<!-- end -->"
NONE = "—"


def updated(text: str, suites: dict[str, Suite]) -> str:
    """Bring the tables of a page, and the list of figures where there is one, up to date."""
    lines, heads = [], list[str]()
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells or cells[:2] == ["suite", "label"]:
            heads = cells
        lines.append(_row(line, cells, heads, suites) if heads and cells != heads else line)
    whole = "\n".join(lines)
    listed = "\n".join([BEGIN, "", *_list(suites), "", END])
    return re.sub(f"{BEGIN}.*?{END}", lambda _: listed, whole, flags=re.DOTALL)


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


def main() -> None:
    """Rewrite what is not up to date."""
    suites = {name: load_suite(name) for name in suite_names()}
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (new := updated(text, suites)) != text:
            page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
