"""The registry of commands: each is tested somewhere, named where it works, and in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui import (
    test_compare,
    test_curve_panel,
    test_data,
    test_detail,
    test_everywhere,
    test_groups,
    test_items,
    test_jobs,
    test_new_job,
    test_panes,
    test_results_commands,
    test_sweep_page,
    test_tables,
    test_tradeoff,
    test_users,
)
from tests.tui.session import session
from workbench.tui.commands import COMMANDS, SCOPES, key_table
from workbench.tui.widgets.lines import KeyLine


def test_every_scope_is_tested_somewhere() -> None:
    files = (
        *(test_compare, test_curve_panel, test_data, test_detail, test_everywhere),
        *(test_groups, test_items, test_jobs, test_new_job, test_panes),
        *(test_results_commands, test_sweep_page, test_tables, test_tradeoff, test_users),
    )
    assert set(SCOPES) == {scope for file in files for scope in file.SCOPES_HERE}


@pytest.mark.parametrize("scope", ["runs", "detail", "compare", "scatter"])
def test_no_key_means_two_things_at_once(scope: str) -> None:
    together = [c for c in COMMANDS if c.scope in (scope, "everywhere")]
    if scope == "runs":
        together += [command for command in COMMANDS if command.scope == "table"]
    elif scope == "detail":
        together += [command for command in COMMANDS if command.scope == "grouping"]
    keys = [key for command in together for key in command.keys]
    assert sorted(keys) == sorted(set(keys))


async def test_the_key_line_names_only_what_works(suite: Path) -> None:
    async with session(suite, (160, 30)) as s:

        def named() -> set[str]:
            return {command.id for command in s.app.screen.query_one(KeyLine).fitting()}

        await s.go_to("ease-large")
        assert "runs.baseline" not in named(), "a failed run is no baseline"
        assert not named() & {"runs.delta", "runs.only-marked"}
        await s.go_to("mf")
        assert "runs.baseline" in named()
        await s.press("b", "space")
        assert {"runs.delta", "runs.only-marked"} <= named()
        await s.press("slash")
        line = str(s.app.screen.query_one(KeyLine).render())
        assert line.split("  ") == [
            *(" Enter keep", "Esc clear", "Tab complete", "↑ earlier"),
            *("Ctrl+P commands", "F1 help "),
        ], "the other keys are text here"


async def test_a_click_on_the_key_line_runs_the_command(suite: Path) -> None:
    async with session(suite) as s:
        line = s.app.screen.query_one(KeyLine).render()
        at = str(line).index("mark")
        await s.pilot.click(KeyLine, offset=(at, 0))
        assert s.row("pop-sample").startswith("✱")


async def test_keys_can_be_changed_by_id(suite: Path) -> None:
    async with session(suite) as s:
        s.app.set_keymap({"table.down": "ctrl+n"})
        await s.press("ctrl+n")
        assert s.current == "mf-long"
        await s.press("j")
        assert s.current == "mf-long"


def test_the_docs_have_the_current_keys() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "tui.md").read_text()
    assert key_table() in docs, "put the output of workbench.tui.commands.key_table() there"
