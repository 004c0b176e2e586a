"""What tests with a browser share: the server as a process, and what a user does on the page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

SHOTS = os.environ.get("BETHINK_SHOTS")


class Server:
    """``bethink chat`` as a process on a data folder."""

    def __init__(self, data: Path) -> None:
        self.log = (data / "server.log").open("ab")
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("bethink")), "chat", "--data", str(data), "--port", "7861"],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server did not start: {line!r} {(data / 'server.log').read_text()}"
        self.url = found.group()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=240)
        self.log.close()


def shot(page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(600)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


SEE_BUSY = """() => {
  if (window.busySeen !== undefined) return;
  window.busySeen = false;
  new MutationObserver(() => {
    window.busySeen ||= Boolean(document.querySelector('#turn-state [data-state=busy]'));
  }).observe(document, {subtree: true, childList: true, attributes: true});
}"""


def watch(page) -> None:
    """Have the page note that there was a turn: one of a fake model may be over between two looks at it."""
    page.evaluate(SEE_BUSY)


def open_page(page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("#message textarea")
    watch(page)


def wait_idle(page) -> None:
    """Wait until a turn that began since the last call (or since :func:`watch`) is over."""
    page.wait_for_function(
        "window.busySeen && Boolean(document.querySelector('#turn-state [data-state=idle]'))", timeout=600_000
    )
    page.evaluate("window.busySeen = false")


def row(page, text: str):
    """The cell of the Memory table whose thought has a text (the table also has a hidden copy for measuring)."""
    return page.locator("#memory-table [data-testid^=cell][data-testid$='-0']", has_text=text)


def say(page, text: str) -> None:
    page.fill("#message textarea", text)
    watch(page)
    page.evaluate("window.busySeen = false")
    page.press("#message textarea", "Enter")
    wait_idle(page)


def open_tab(page, name: str) -> None:
    """Go to a tab; where the page is narrow, it may be in the menu of further tabs."""
    tab = page.get_by_role("tab", name=name)
    if tab.count() == 0:
        page.get_by_label("More tabs").click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.first.click()
    page.locator(f"#tab-{name.lower()}").wait_for()
