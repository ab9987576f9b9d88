"""Pictures as files and in pages; these need matplotlib."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from tests.reports.pictures.runs import A, B, C, ranking_run, recall_run
from tests.reports.test_formats import Page
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.folder import ReportRun
from workbench.reports.pictures import drawing
from workbench.reports.pictures.forest import draw_forest, read_forest
from workbench.reports.pictures.kinds import KINDS, parse_plots, write_plots
from workbench.reports.pictures.subjects import each_run
from workbench.reports.write import to_html

pytestmark = pytest.mark.extras

#: a label that would be a formula, is hidden from legends, and would be an element of a page
HOSTILE = "_$x^{2$<b>&"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def runs(tmp_path: Path) -> list[ReportRun]:
    folder = tmp_path / "runs"
    rows = [(n % 2, n / 40) for n in range(41)]
    return [
        recall_run(folder, "a"),
        recall_run(folder, HOSTILE.replace("<b>", ""), B),
        recall_run(folder, "c", C),
        ranking_run(folder, "lr", rows),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_has_the_same_bytes_each_time(
    kind: str, runs: list[ReportRun], tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("one.svg", "two.svg", "one.png", "two.png")]
    write_plots(parse_plots([f"{kind}={file}" for file in files]), each_run(runs))
    one, two, bitmap, again = (file.read_bytes() for file in files)
    assert (one, bitmap) == (two, again)
    root = ET.fromstring(one)  # drawn here, so it is safe to parse
    assert root.get("width") == "244.8pt"  # 3.4 inches
    assert b"<metadata" not in one  # where dates and versions would stand
    assert bitmap.startswith(PNG)


def test_the_settings_of_a_user_change_nothing(runs: list[ReportRun]) -> None:
    import matplotlib as mpl

    def drawn() -> bytes:
        with drawing.style():
            return drawing.to_bytes(draw_forest(read_forest(each_run(runs))), "svg")

    usual = drawn()
    with mpl.rc_context({"font.size": 30, "axes.grid": False, "svg.hashsalt": None}):
        assert drawn() == usual


def test_no_text_is_smaller_than_a_column_can_bear(runs: list[ReportRun]) -> None:
    from matplotlib.text import Text

    for kind in KINDS.values():
        with drawing.style():
            figure = kind.draw(kind.read(each_run(runs)))
            texts = [text for text in figure.findobj(Text) if text.get_text()]
            assert min(float(text.get_fontsize()) for text in texts) >= 7


def test_twelve_runs_stay_within_the_picture(tmp_path: Path) -> None:
    values = [[value + n / 50 for value in A] for n in range(12)]
    runs = [recall_run(tmp_path, f"a-rather-long-name-{n}", each) for n, each in enumerate(values)]
    for kind in ("forest", "recall", "coverage", "groups"):
        with drawing.style():
            figure = KINDS[kind].draw(KINDS[kind].read(each_run(runs)))
            figure.draw_without_rendering()
            drawn, (wide, tall) = figure.get_tightbbox(), figure.get_size_inches()
            inside = (drawn.x0 > -0.02, drawn.x1 < wide + 0.02, drawn.y0 > -0.02, drawn.y1 < tall)
            assert inside == (True, True, True, True), kind


def test_labels_are_text_whatever_they_say(runs: list[ReportRun]) -> None:
    with drawing.style(text=True):
        kind = KINDS["groups"]
        svg = drawing.to_inline(kind.draw(kind.read(each_run(runs))), "<groups>")
    texts = ["".join(text.itertext()) for text in ET.fromstring(drawn_alone(svg)).iter("text")]
    assert HOSTILE.replace("<b>", "") in texts
    assert 'aria-label="&lt;groups&gt;"' in svg


def drawn_alone(svg: str) -> str:
    return svg.replace("xlink:", "")


def test_where_one_cannot_be_drawn_none_is_written(runs: list[ReportRun], tmp_path: Path) -> None:
    wanted = parse_plots([f"{tmp_path}/a.svg", f"reliability={tmp_path}/b.svg"])
    with pytest.raises(InputError, match="predicts no probabilities"):
        write_plots(wanted, each_run(runs[:3]))
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]


def test_a_character_without_a_font_is_said(tmp_path: Path) -> None:
    runs = [recall_run(tmp_path, "a"), recall_run(tmp_path, "\U00013000", B)]
    with pytest.raises(InputError, match="a label has a character that no font here can draw"):
        write_plots(parse_plots([f"{tmp_path}/a.png"]), each_run(runs))
    run = runs[1]
    assert "\U00013000" in to_html(build_report([run], suite="x"), [run])


def test_a_page_has_the_pictures_of_its_stages_and_of_the_baseline(
    runs: list[ReportRun], tmp_path: Path
) -> None:
    old = recall_run(tmp_path / "old", "a", C)
    report = build_report(runs, suite="x", baseline=read_baseline(old.path, {"ndcg@10": 0.01}))
    html = to_html(report, runs)
    page = Page(html)
    # of recall: forest, recall, coverage, groups; of ranking: reliability; and the baseline's
    assert page.attributes.count(("class", "picture")) == 4 + 1 + 1
    assert "Differences from the baseline: ndcg@10" in page.text
    assert {"script", "img", "foreignobject"}.isdisjoint(page.tags)
    assert set(re.findall(r"""(?:href="|url\()(.)""", html)) == {"#"}
    assert "http:" not in html
    assert "https:" not in html
    assert html == to_html(report, runs)
