"""The page as a user meets it: how soon it is usable, what axe-core has against it, and its pictures for the docs.

``bethink chat`` as a process with the real model, on a new data folder; a few things are said and run first, so that no
tab is empty. Pictures of every tab go to docs/screenshots/tabs: light, dark, and 360 pixels wide.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.app.browsing import Server, open_page, open_tab, say
from tests.app.conftest import CHROMIUM
from tests.benchmarks.report import ROOT, bar, finish, show

TABS = ("Chat", "Memory", "Tools", "Adapters", "Energy", "Evaluate", "Settings")
LOOKS = {"light": (1280, "light"), "dark": (1280, "dark"), "360": (360, "light")}
SHOTS = ROOT / "docs" / "screenshots" / "tabs"
LOADS = 5
SAID = (
    "My sister Maria lives in Porto and is allergic to nuts.",
    "I like tea and slow films.",
    "Where does Maria live?",
)


def opened(browser: Any, width: int = 1280) -> Any:
    """A page that notes errors, and requests to elsewhere."""
    page = browser.new_page(viewport={"width": width, "height": 900 if width > 500 else 780})
    page.set_default_timeout(240_000)
    page.faults = []
    page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: page.faults.append(str(e)))
    local = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(local) else page.faults.append(r.url))
    return page


def used(page: Any, url: str) -> None:
    """Say a few things, and run a tool by hand."""
    open_page(page, url)
    for text in SAID:
        say(page, text)
    open_tab(page, "Tools")
    page.locator(".tool-run:visible").click()
    page.get_by_text("Done: ").locator("visible=true").wait_for()


def run() -> None:
    """See the module."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    found: list[tuple[str, str, str]] = []
    seconds, faults = [], []
    with tempfile.TemporaryDirectory(prefix="bethink-bench-") as folder, sync_playwright() as playwright:
        began = time.perf_counter()
        server = Server(Path(folder))
        answers_after = time.perf_counter() - began
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            page = opened(browser)
            used(page, server.url)
            page.close()
            for _ in range(LOADS):
                page = opened(browser)
                began = time.perf_counter()
                open_page(page, server.url)
                page.fill("#message textarea", "x")
                seconds.append(time.perf_counter() - began)
                page.close()
            for name, (width, colours) in LOOKS.items():
                page = opened(browser, width)
                open_page(page, f"{server.url}/?__theme={colours}")
                page.locator("#threads label").first.click()
                page.locator("#chat").get_by_text("Porto").first.wait_for()
                for tab in TABS:
                    open_tab(page, tab)
                    page.wait_for_timeout(1200)  # what fades in has less contrast until it is there
                    found += [
                        (f"{tab}, {name}", each["id"], each["nodes"][0]["html"][:80])
                        for each in Axe().run(page).response["violations"]
                        if each["impact"] in ("serious", "critical")
                    ]
                    page.screenshot(path=SHOTS / f"{tab.lower()}-{name}.png")
                faults += page.faults
                page.close()
        finally:
            browser.close()
            server.stop()
    show("What axe-core finds serious or critical", ("where", "rule", "first"), found)
    for fault in faults:
        print(f"  {fault}")
    bars = [
        bar("axe-core on 7 tabs in 3 looks: serious or critical", len(found), "<=", 0),
        bar("errors on the console, and requests to elsewhere", len(faults), "<=", 0),
        bar("usable after the server answers, s (median)", median(seconds), "<=", 3),
        bar("bethink chat until the server answers, s", answers_after, "<=", 10),
    ]
    figures = {"usable_s": [round(each, 2) for each in seconds], "answers_after_s": round(answers_after, 2)}
    finish("page", {**figures, "findings": found, "faults": faults}, bars, packages=("gradio", "playwright"))


if __name__ == "__main__":
    run()
