"""``bethink serve`` in a real browser: logging in and out, and Approve and Not now beside a call that waits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.request
from dataclasses import replace

import pytest

pytest.importorskip("argon2", reason="the extra is not installed: pip install 'bethink[serve]'")
pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")

from bethink.agents.agent import Agent
from bethink.app.access.users import Users
from bethink.app.serve import create_app
from bethink.memory import ThoughtMemory
from tests.agents.fakes import ADD, FakeChat
from tests.app.browsing import say, shot
from tests.app.conftest import BETHINK
from tests.app.mcp_calls import serving
from tests.app.serving_users import PASSWORD, quick_users
from tests.conftest import FakeEmbedder

pytestmark = [pytest.mark.browser]

BROKEN_OFF = re.compile("signal is aborted|errored out")
"""What the console says of a request that the page was in the middle of when it was left."""


def reload(page) -> None:
    """Load the page anew. Until then no error is let pass, and from then on only such as leaving it makes."""
    assert page.errors == []
    page.reload()
    page.wait_for_selector("#message textarea")
    page.errors[:] = [error for error in page.errors if not BROKEN_OFF.search(error)]


def log_in(page, url: str, name: str, password: str = PASSWORD) -> None:
    page.goto(url)
    page.get_by_label("username", exact=False).fill(name)
    page.get_by_label("password", exact=False).fill(password)
    page.get_by_role("button", name="Login").click()


def test_log_in_approve_decline_log_out(page, tmp_path):
    ran: list[dict] = []

    def run(given, context):
        ran.append(given.model_dump())
        return ADD.run(given, context)

    script = [("add", {"a": 3, "b": 4}), "I did not run it.", ("add", {"a": 5, "b": 5}), "I did not run that either."]
    model = FakeChat(script=script, seen=[])
    memory = ThoughtMemory(tmp_path / "memory", FakeEmbedder())
    agent = Agent(model, memory, FakeEmbedder(), [replace(ADD, confirm=True, run=run)], tmp_path)
    agent._status = {"state": "ready", "message": "", "done": 1.0}
    try:
        with serving(create_app(agent, users=quick_users(tmp_path, "ann"))) as address:
            url = address.removesuffix("/mcp")
            log_in(page, url, "ann", "wrong horse")
            page.get_by_text(re.compile("incorrect", re.IGNORECASE)).first.wait_for()
            page.errors.clear()  # the console tells of the 401 and the 400
            log_in(page, url, "ann")
            page.wait_for_selector("#message textarea")
            page.errors.clear()

            say(page, "Please sum up.")
            approve = page.get_by_role("button", name="Approve")
            approve.wait_for()
            page.wait_for_function(
                "document.querySelector('#chat').innerText.includes('\"a\": 3')"
            )  # drawn a moment later
            assert ran == []
            shot(page, "approve")
            reload(page)  # the question stays
            approve.wait_for()
            approve.click()
            page.locator("#chat").get_by_text("The total is 7.").first.wait_for()
            page.wait_for_selector("#turn-state [data-state=idle]")
            assert ran == [{"a": 3, "b": 4}]
            assert approve.count() == 0
            page.locator("#chat").get_by_text("Approved: see below.").wait_for()

            say(page, "Sum up again.")
            page.get_by_role("button", name="Not now").click()
            page.locator("#chat").get_by_text("Not now: it did not run.").wait_for()
            page.wait_for_selector("#turn-state [data-state=idle]")
            assert approve.count() == 0
            reload(page)
            page.locator("#chat").get_by_text("Not now: it did not run.").wait_for()
            assert approve.count() == 0
            assert ran == [{"a": 3, "b": 4}]
            assert page.errors == []

            shot(page, "log-out")
            page.click("#log-out")
            page.get_by_label("password", exact=False).wait_for()
            assert page.outside == []
    finally:
        agent.close()


@pytest.mark.long
def test_as_a_process_with_its_own_commands(page, tmp_path):
    Users(tmp_path).add("ann", PASSWORD)
    token = Users(tmp_path).new_token("ann")
    command = [BETHINK, "serve", "--data", str(tmp_path), "--host", "0.0.0.0", "--allow-host", "chat.example.org"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", "7871"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, (tmp_path / "server.log").read_text()
            url = found.group()
            assert urllib.request.urlopen(f"{url}/healthz").status == 200
            asked = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"})
            assert b"bethink_turns_running 0.0" in urllib.request.urlopen(asked).read()
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{url}/metrics")
            log_in(page, url, "ann")
            page.wait_for_selector("#message textarea")
            assert page.outside == []
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
    assert tmp_path.stat().st_mode & 0o077 == 0
    assert "1 users may log in" in " ".join((tmp_path / "server.log").read_text().split())
