"""All tabs in a real Chromium: reachable, readable, usable by keyboard and by hand; the model and the embedder are fakes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bethink.agents.agent import Agent
from bethink.app import settings as settings_module
from bethink.app import settings_file
from bethink.app.serve import create_app
from bethink.app.settings import load_settings
from bethink.memory import ThoughtMemory
from bethink.tools import all_tools
from tests.agents.fakes import ADD, FakeChat
from tests.app.browsing import open_page, open_tab, say, shot, wait_idle
from tests.conftest import FakeEmbedder

pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")
from tests.app.mcp_calls import serving

pytestmark = [pytest.mark.browser]
TABS = ("Chat", "Memory", "Tools", "Adapters", "Energy", "Evaluate", "Settings")


def slowly(given, context):
    for step in range(2400):
        context.checkpoint(step / 2400, f"step {step}")
        time.sleep(0.05)
    return ADD.run(given, context)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a page with all tools and two of the tests', and the file its settings are written to."""
    data = tmp_path_factory.mktemp("data")
    memory = ThoughtMemory(data / "memory", FakeEmbedder())
    memory.insert("My sister Maria lives in Porto.", user_id="me")
    extra = [ADD, replace(ADD, name="slow_add", run=slowly)]
    agent = Agent(FakeChat(script=["Fine."] * 99, seen=[]), memory, FakeEmbedder(), [*all_tools(), *extra], data)
    agent._status = {"state": "ready", "message": "", "done": 1.0}
    with pytest.MonkeyPatch.context() as here:
        here.chdir(data)
        for module in (settings_module, settings_file):
            here.setattr(module, "user_file", lambda: data / "bethink.toml")
        here.setenv("BETHINK_PUE", "1.5")
        with serving(create_app(agent, settings=load_settings(data=data))) as address:
            yield address.removesuffix("/mcp"), data / "bethink.toml"
    agent.close()


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_every_tab_is_accessible(page, place, width, colours):
    """No serious or critical finding of axe-core, nothing wider than the screen, nothing fetched, no error."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.set_viewport_size({"width": width, "height": 900})
    open_page(page, f"{place[0]}/?__theme={colours}")
    say(page, "Where does Maria live?")
    page.get_by_text("Recalled 1 thought").wait_for()
    for name in TABS:
        open_tab(page, name)
        page.wait_for_timeout(700)  # what fades in has less contrast until it is there
        found = axe.Axe().run(page).response["violations"]
        bad = [
            (each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")
        ]
        assert bad == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        shot(page, f"{name.lower()}-{width}-{colours}")
    assert page.outside == []
    assert page.errors == []


def test_the_page_is_usable_soon_after_the_server_answers(page, place):
    open_page(page, place[0])  # the browser's own first start does not count
    began = time.perf_counter()
    open_page(page, place[0])
    page.fill("#message textarea", "x")
    took = time.perf_counter() - began
    print(f"usable after {took:.2f} s")
    assert took < 30, took  # under 3 s on a machine that does nothing else: see docs/results


def test_a_chat_by_keyboard_alone(page, place):
    open_page(page, place[0])
    page.keyboard.type("How are you?")  # the box has the focus from the start
    page.evaluate("window.busySeen = false")
    page.keyboard.press("Enter")
    wait_idle(page)
    page.locator("#chat").get_by_text("Fine.").first.wait_for()
    page.locator("#tab-chat-button").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "new-chat":
            break
    page.keyboard.press("Enter")
    page.wait_for_function("!document.querySelector('#chat').innerText.includes('How are you?')")
    for _ in range(60):
        if page.evaluate("document.activeElement.closest('#message') !== null"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type("Again.")
    page.evaluate("window.busySeen = false")
    page.keyboard.press("Enter")
    wait_idle(page)
    assert page.locator("#chat").get_by_text("Again.").count() >= 1
    assert page.errors == []


def tool(page, name: str):
    """Open a tool's panel."""
    page.locator("#tools-chosen").get_by_text(name, exact=True).click()
    number = [*(t.name for t in all_tools()), "add", "slow_add"].index(name)
    panel = page.locator(f"#tool-{number}")
    panel.wait_for()
    return panel


def test_a_tool_by_hand(page, place):
    """A sample, an error beside its field, progress, stop, the result, its plots, and the code of the call."""
    open_page(page, place[0])
    open_tab(page, "Tools")
    panel = tool(page, "track_state")
    panel.get_by_role("button", name=re.compile("50 members")).click()
    page.wait_for_function("[...document.querySelectorAll('#tool-0 input')].some(box => box.value == '50')")
    panel.get_by_label("cycles").fill("-3")
    panel.get_by_role("button", name="Run").click()
    panel.get_by_text("⚠️ Input should be greater than or equal to 1").wait_for()
    panel.get_by_text("see the marked fields").wait_for()
    panel.get_by_label("cycles").fill("20")
    panel.get_by_role("button", name="Run").click()
    panel.get_by_text(re.compile("^Done: ")).wait_for()
    assert panel.get_by_text("⚠️").count() == 0
    panel.get_by_text("with 50 members after 20 observations").wait_for()
    page.wait_for_function("[...document.querySelectorAll('.figures img')].some(i => i.naturalWidth > 300 && i.alt)")
    panel.get_by_text("The same call elsewhere").click()
    panel.get_by_text('"cycles": 20').first.wait_for()
    shot(page, "tool-result")

    panel = tool(page, "slow_add")
    panel.get_by_label("a", exact=True).fill("4")
    panel.get_by_role("button", name="Run").click()
    panel.get_by_text(re.compile(r"% · step \d")).wait_for()
    panel.get_by_role("button", name="Stop").click()
    panel.get_by_text("The run was cancelled.").wait_for()
    assert panel.get_by_role("button", name="Run").is_enabled()

    panel = tool(page, "add")
    panel.get_by_label("a", exact=True).fill("14")
    panel.get_by_role("button", name="Run").click()
    panel.get_by_text("This is a bug in the tool").wait_for()
    assert page.errors == []

    open_tab(page, "Energy")
    page.locator("#energy-sums").get_by_role("row", name=re.compile("^tool")).wait_for()
    page.wait_for_function("document.querySelector('#energy-picture img').naturalWidth > 300")
    page.click("#energy-export")
    page.locator("#energy-file a[href*='bethink-energy.csv']").first.wait_for(state="attached")


def test_an_uploaded_file_is_offered(page, place):
    open_page(page, place[0])
    open_tab(page, "Tools")
    panel = tool(page, "track_state")
    rows = "\n".join(f"{n},{n % 9}.5" for n in range(60))
    panel.locator("input[type=file]").set_input_files(
        {"name": "river.csv", "mimeType": "text/csv", "buffer": f"day,level\n{rows}\n".encode()}
    )
    panel.get_by_text("river.csv: 2 columns").wait_for()
    assert panel.get_by_label("upload").input_value() == "river.csv"
    panel.locator("input[type=file]").set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": b"<svg><script>alert(1)</script></svg>"}
    )
    page.wait_for_function("!document.body.innerText.includes('river.csv: 2 columns')")
    assert panel.get_by_label("upload").input_value() == "river.csv"


def test_settings_are_written_and_those_of_the_environment_are_not(page, place):
    url, file = place
    open_page(page, url)
    open_tab(page, "Settings")
    box = page.locator("#settings-country input, #settings-country textarea")
    box.fill("DEU")
    assert page.locator("#settings-pue input").is_disabled()
    page.locator("#settings-turns_per_minute input").fill("0")
    page.click("#settings-save")
    page.locator("#settings-state").get_by_text("Not saved: turns_per_minute").wait_for()
    assert not file.exists()
    page.locator("#settings-turns_per_minute input").fill("20")
    page.click("#settings-save")
    page.locator("#settings-state").get_by_text("Start Bethink again").wait_for()
    assert file.read_text(encoding="utf-8").split() == ["country", "=", '"DEU"']
    assert page.errors == []
