"""A newcomer's first session in a real browser: `make test-browser`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui import story
from tests.tui.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

_KEYS = {
    "enter": "Enter",
    "escape": "Escape",
    "down": "ArrowDown",
    "space": "Space",
    "tab": "Tab",
}
#: the terminal in the page is an xterm.js; `terminal` is where the test puts it
_MAKES, _TELLS = "this.terminal=new ", "this.terminal=window.terminal=new "
_TEXT = """() => {
  const buffer = window.terminal ? window.terminal.buffer.active : {length: 0};
  const lines = [...Array(buffer.length).keys()];
  return lines.map(line => buffer.getLine(line).translateToString()).join("\\n");
}"""
_PATIENCE = 120.0


class Tab:
    """A page with a session in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            if key in _KEYS:
                self.page.keyboard.press(_KEYS[key])
            else:
                self.page.keyboard.type(key)

    def text(self) -> str:
        """Read the terminal's own buffer."""
        return str(self.page.evaluate(_TEXT))

    def until(self, true: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not true():
            assert time.monotonic() < end, f"{otherwise}:\n{self.text()}"
            self.page.wait_for_timeout(100)


def expose_terminal(route: Route) -> None:
    """Serve the page's script so that the test can read the terminal."""
    script = route.fetch().text()
    assert script.count(_MAKES) == 1, "textual-serve makes its terminal in another way"
    route.fulfill(body=script.replace(_MAKES, _TELLS), content_type="text/javascript")


@pytest.fixture
def page() -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # without a sandbox, as root in a container needs it: the page is the test's own
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield browser.new_page(viewport={"width": 1100, "height": 700})
        browser.close()


def test_from_nothing_to_an_exported_comparison(page: Page, workplace: Path) -> None:
    page.route("**/textual.js", expose_terminal)
    page.route("**/*googleapis*/**", lambda route: route.abort())  # a font; none is needed
    with serving(workplace / "runs", workplace) as (_, address):
        page.goto(address)
        tab = Tab(page)
        story.see(tab, "No runs yet")
        page.click("#terminal")
        story.train_three_baselines(tab)
        story.compare_with_a_baseline(tab)
        picture = os.environ.get("PICTURE", workplace / "browser.png")
        page.screenshot(path=picture)
        story.inspect_a_user(tab)
        story.export_the_table(tab, workplace)
        story.compare_on_a_page(tab)
        story.sweep_a_field(tab)
        story.quit_while_jobs_run(tab, workplace)
        page.get_by_text("Session ended.").wait_for()
    assert not list(workplace.rglob("errors.log"))
