"""A word on the run under the cursor: two lines, and on a tall screen its main sections."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import name_of
from workbench.tui.view.compare import comparable, why_not_comparable
from workbench.tui.view.detail import Files, curve_section, read_files, sections
from workbench.tui.view.fold import Fold
from workbench.tui.view.result import Against
from workbench.tui.view.table import progress_text, reason_of
from workbench.tui.widgets.lines import put
from workbench.tui.widgets.sections import SectionView

#: metrics whose interval stands for the run
_HEADLINE = ("ndcg@10", "auc")
#: section -> columns of the terminal from which there is room for it
_SECTIONS = {"result": 0, "curve": 100, "settings": 150}


#: cells of the result, as in the style sheet, and at the sides of a section
_RESULT, _PADDING = 66, 4


class Preview(Vertical):
    """Describes one run; the sections are there when the screen gives the class ``-tall``."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self._views: dict[str, SectionView] = {}
        self._read: tuple[RunSummary, Files] | None = None

    def compose(self) -> ComposeResult:
        """Make the lines; the sections come when there is room for them."""
        yield Static(id="about", markup=False)

    def show(self, row: Fold | None, baseline: RunSummary | None) -> None:
        """Describe the run or the folded seeds of `row` in two lines."""
        if row is None:
            return
        run = row.run
        first, second = _facts(row), _second_line(run, baseline)
        about = Content.assemble(f" {first}\n ", Content.styled(second, "$secondary"))
        put(self.query_one("#about", Static), about)

    def make_room(self, *, tall: bool) -> None:
        """Have sections, or no longer."""
        self.set_class(tall, "-tall")
        if tall and not self._views:
            self._views = {name: SectionView(id=name) for name in _SECTIONS}
            self.mount(Horizontal(*self._views.values(), id="sections"))

    def show_sections(self, row: Fold, against: Against) -> None:
        """Describe the run in sections; its files are read."""
        run = row.run
        if self._read is None or self._read[0] is not run:
            self._read = (run, read_files(run))
        files = self._read[1]
        parts = sections(run, files, against, _RESULT - _PADDING)
        curve = curve_section(
            files, self.app.size.width - (70 if self.app.size.width < 150 else 120), rows=1
        )
        for name, view in self._views.items():
            section = curve if name == "curve" else parts[name]
            view.show(section if self.app.size.width >= _SECTIONS[name] else None)


def _facts(row: Fold) -> str:
    run = row.run
    look = show.run_look(run)
    data = f"{run.dataset} (synthetic)" if run.synthetic else run.dataset
    seeds = " ".join(str(member.seed) for member in row.members)
    seed = f"mean of seeds {seeds}" if len(row.members) > 1 else f"seed {seeds}"
    facts = [f"{look.glyph} {look.word}", run.model, data, run.protocol, seed]
    facts.append(" ".join(f"#{tag}" for tag in run.tags))
    if run.fit_seconds is not None:
        facts.append(f"fit {show.seconds(run.fit_seconds)}")
    return " · ".join(plain(fact) for fact in facts if fact)


def _second_line(run: RunSummary, baseline: RunSummary | None) -> str:
    if reason := reason_of(run):
        return reason
    if run.state == "running":
        return progress_text(run)
    if baseline not in (None, run) and run.metrics and not comparable(run, baseline):
        why = why_not_comparable(run, baseline)
        return f"not comparable with {plain(name_of(baseline))}: {why}"
    if run.note:
        return plain(" ".join(run.note.split()))
    settings = " ".join(f"{name}={show.parameter(value)}" for name, value in run.params.items())
    for name in _HEADLINE:
        if name in run.ci95:
            low, high = run.ci95[name]
            return f"{name} {show.metric(low)} to {show.metric(high)} (95 %)  {plain(settings)}"
    return plain(settings)
