"""The palette: commands of all screens, metrics and models, found by name and by description."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen
from textual.style import Style

from recsys_core.evaluation.names import meaning_of, row_metrics, topk_metrics
from recsys_core.registry import BUILTIN
from workbench.jobs.catalogue import catalogue_path, read_catalogue
from workbench.store.listing import RunSummary
from workbench.tui.commands import COMMANDS, SCOPES, Command, screen_of
from workbench.tui.errands import Errand
from workbench.tui.view.columns import metric_names

if TYPE_CHECKING:
    from workbench.tui.session import Session

#: a hit in the name counts for more than one in the description, and the current screen for more
#: than others
_IN_HELP, _HERE = 0.5, 1.0
_THEME = ("theme", "Change the colours.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A command as the palette names it.

    Parameters
    ----------
    here
        Whether it works on the screen that the palette was opened on.
    """

    title: str
    help: str
    run: Callable[[], Awaitable[None] | None]
    here: bool


class CommandsProvider(Provider):
    """Offers every command, those of the current screen first; then metrics and models by name."""

    def __init__(self, screen: Screen[Any], match_style: Style | None = None) -> None:
        super().__init__(screen, match_style)
        self._metrics: list[str] = []
        self._models: Mapping[str, str] = {}

    async def startup(self) -> None:
        """Begin to read which models and metrics there are.

        Textual ends what it waits for here when the next key replaces a search.
        """
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Read them off the thread that answers keys."""
        app: Session = self.app  # type: ignore[assignment]
        self._metrics = await asyncio.to_thread(_metrics_of, app.runs)
        self._models = await asyncio.to_thread(_models)

    async def discover(self) -> Hits:
        """List all commands."""
        for offer in self._offers():
            yield DiscoveryHit(offer.title, offer.run, help=offer.help)

    async def search(self, query: str) -> Hits:
        """List the commands, metrics and models whose name or description fits."""
        await asyncio.shield(self._reading)
        matcher = self.matcher(query)
        for offer in (*self._offers(), *self._named()):
            score, display = matcher.match(offer.title), matcher.highlight(offer.title)
            if score <= 0 and _has_words(offer.help, query):
                score, display = _IN_HELP, Content(offer.title)
            if score > 0:
                score += _HERE * offer.here
                yield Hit(score, display, offer.run, offer.title, offer.help)

    def _offers(self) -> Iterator[Offer]:
        offers = list(self._all())
        yield from (offer for offer in offers if offer.here)
        yield from (offer for offer in offers if not offer.here)

    def _all(self) -> Iterator[Offer]:
        app: Session = self.app  # type: ignore[assignment]
        active = {entry.binding.id: entry for entry in self.screen.active_bindings.values()}
        for command in COMMANDS:
            key = app.settings.shown_keys(command)[0]
            entry = active.get(command.id)
            if entry is not None and entry.enabled:
                run = partial(_run, app, command, entry.node)
                yield Offer(f"{command.label} ({key})", command.help, run, here=True)
            elif entry is None and command.scope != "everywhere":
                title = f"{SCOPES[command.scope]}: {command.label} ({key})"
                yield Offer(title, command.help, partial(_go, app, command), here=False)
        name, help_text = _THEME
        yield Offer(name, help_text, app.action_change_theme, here=True)

    def _named(self) -> Iterator[Offer]:
        """List metrics, which are shown, and models, of which a job is made."""
        app: Session = self.app  # type: ignore[assignment]
        for metric in self._metrics:
            show = partial(_show_metric, app, metric)
            yield Offer(f"metric: {metric}", meaning_of(metric), show, here=False)
        for model, title in self._models.items():
            yield Offer(f"new job: {model}", title, partial(_new_job, app, model), here=False)


def _metrics_of(runs: Sequence[RunSummary]) -> list[str]:
    """List all metrics, each at the first K that runs have it at, else at 10."""
    names = {name.partition("@")[0]: name for name in reversed(metric_names(runs))}
    lists = [names.get(metric, f"{metric}@10") for metric in topk_metrics()]
    return [*lists, *row_metrics()]


def _models() -> Mapping[str, str]:
    """List the models with their titles; before the first form has been opened names alone."""
    known = read_catalogue(catalogue_path())
    if known is None:
        return dict.fromkeys(BUILTIN, "")
    return {name: card.title for name, card in known.models.items()}


def _show_metric(app: Session, metric: str) -> None:
    """Go to the column of a metric; where no run has it, say what it is."""
    if any(metric in run.metrics for run in app.runs):
        app.visit("results", Errand(metric=metric))
    else:
        app.explain_metric(metric)


def _new_job(app: Session, model: str) -> None:
    """Open the form with a model, on the data of the newest run."""
    from workbench.tui.screens.new_job import NewJobScreen

    def added(ids: str | None) -> None:
        if ids:
            app.action_go("jobs")

    app.push_screen(NewJobScreen(app.runs[0] if app.runs else None, model=model), added)


def _has_words(text: str, query: str) -> bool:
    """Tell whether a text has all words of a query."""
    return all(word in text.lower() for word in query.lower().split())


async def _run(app: Session, command: Command, node: Any) -> None:
    await app.run_action(command.handler, node)


def _go(app: Session, command: Command) -> None:
    """Go to the screen of a command: what it works on is chosen there, and then its key pressed."""
    key, where = app.settings.shown_keys(command)[0], SCOPES[command.scope]
    if screen := screen_of(command):
        app.action_go(screen)
        app.notify(f"{key}: {command.help}", markup=False)
    else:
        app.notify(f"{key} works in: {where}", markup=False)
