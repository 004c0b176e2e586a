"""Three users at one server, interleaved at random over HTTP: nobody reads, changes or finds what is another's."""

from __future__ import annotations

import tempfile
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("argon2", reason="the extra is not installed: pip install 'bethink[serve]'")
pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bethink.agents.agent import Agent
from bethink.agents.folders import user_folder
from bethink.agents.threads import ThreadNotFound
from bethink.memory import ThoughtMemory
from bethink.tools.contract import OutputFile, Tool, ToolContext, ToolInput, ToolOutput
from tests.agents.fakes import FakeChat
from tests.app.serving_users import HOME, McpSession, app_of, log_in, quick_users
from tests.conftest import FakeEmbedder

NAMES = ("ann", "bob", "cem")
WORDS = ("heron", "walnut", "copper", "saddle", "lantern", "quartz")


class WriteInput(ToolInput):
    text: str


class ReadInput(ToolInput):
    upload: str


class Told(ToolOutput):
    told: str = ""


def _write(given: WriteInput, context: ToolContext) -> Told:
    context.folder.mkdir(parents=True, exist_ok=True)
    path = context.folder / f"note-{len(list(context.folder.iterdir()))}.csv"
    path.write_text(given.text)
    return Told(summary="Written.", files=[OutputFile(path=str(path), title="A note")])


def _read(given: ReadInput, context: ToolContext) -> Told:
    return Told(summary="Read.", told=context.uploaded(given.upload).read_text())


TOOLS = [
    Tool("write_note", "Writes a file.", WriteInput, Told, _write, read_only=False),
    Tool("read_upload", "Reads an uploaded file.", ReadInput, Told, _read),
]


@dataclass
class Person:
    """What one user has made, and with what they ask."""

    browser: TestClient
    session: McpSession
    secrets: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Isolation(RuleBasedStateMachine):
    """Each thing that a user makes holds a word of their own; no answer to another may hold it."""

    people = st.sampled_from(NAMES)

    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        data = Path(self.folder.name)
        embedder = FakeEmbedder()
        self.agent = Agent(FakeChat(), ThoughtMemory(data / "memory", embedder), embedder, TOOLS, data)
        users = quick_users(data, *NAMES)
        self.server = app_of(self.agent, users)
        client = self.server.__enter__()
        self.who: dict[str, Person] = {}
        for name in NAMES:
            browser = TestClient(client.app, base_url=HOME)
            assert log_in(browser, name) == 200
            self.who[name] = Person(browser, McpSession(client, users.new_token(name)))
        self.count = 0

    def teardown(self):
        if hasattr(self, "server"):
            self.server.__exit__(None, None, None)
            self.agent.close()
            self.folder.cleanup()

    def secret(self, name: str) -> str:
        """A word that nothing but what this user makes now has in it."""
        self.count += 1
        self.who[name].secrets.append(f"{name}secret{self.count}x")
        return self.who[name].secrets[-1]

    def others(self, name: str):
        return [(other, person) for other, person in self.who.items() if other != name]

    def clean(self, name: str, shown: Any) -> None:
        """What a user was shown has no other user's word in it."""
        for _, person in self.others(name):
            for secret in person.secrets:
                assert secret not in str(shown)

    # -- thoughts, over MCP

    @rule(name=people, word=st.sampled_from(WORDS))
    def remember(self, name, word):
        made = self.who[name].session.call("memory_add", text=f"My {word} is called {self.secret(name)}.")
        self.clean(name, made)
        listed = self.who[name].session.call("memory_list")["thoughts"]
        assert self.who[name].secrets[-1] in str(listed)
        self.who[name].thoughts = [thought["id"] for thought in listed]

    @rule(name=people, word=st.sampled_from(WORDS))
    def recall(self, name, word):
        session = self.who[name].session
        self.clean(name, session.call("memory_search", query=f"My {word}"))
        self.clean(name, session.call("memory_list"))
        self.clean(name, session.result("prompts/get", name="recall", arguments={"question": f"My {word}?"}))

    @rule(name=people)
    def forget_anothers(self, name):
        for other, person in self.others(name):
            if person.thoughts:
                self.clean(name, self.who[name].session.call("memory_forget", ids=person.thoughts))
                left = {thought.id for thought in self.agent.memory.list(user_id=other)}
                assert set(person.thoughts) <= left

    # -- files that tools write and read, over MCP

    @rule(name=people)
    def write(self, name):
        made = self.who[name].session.call("write_note", text=self.secret(name))
        self.who[name].results.append(made["files"][0]["path"])

    @rule(name=people)
    def resources(self, name):
        session, own = self.who[name].session, self.who[name].results
        listed = [one["uri"] for one in session.result("resources/list")["resources"]]
        assert set(own) <= set(listed)
        for _, person in self.others(name):
            for uri in person.results:
                self.clean(name, session.result("resources/read", uri=uri))

    @rule(name=people)
    def upload(self, name):
        """As the page stores it."""
        folder = self.agent.folder_of(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.csv").write_text(self.secret(name))

    @rule(name=people)
    def read_uploads(self, name):
        folders = [self.agent.folder_of(other).name for other, _ in self.others(name)]
        names = ["table.csv", *(f"../{folder}/table.csv" for folder in folders)]
        for wanted in names:
            self.clean(name, self.who[name].session.call("read_upload", upload=wanted))

    # -- chats and the page's files

    @rule(name=people)
    def chat(self, name):
        person = self.who[name]
        person.threads.append(self.agent.threads.create(name).id)
        text = f'/write_note {{"text": "{self.secret(name)}"}}'
        events = list(self.agent.stream(text, user_id=name, thread_id=person.threads[-1]))
        (end,) = [event for event in events if event.kind == "ToolEnd"]
        person.files += [file["path"] for file in end.result["files"]]
        self.clean(name, [event.as_dict() for event in events])

    @rule(name=people, word=st.sampled_from(WORDS))
    def ask(self, name, word):
        thread = self.agent.threads.create(name).id
        self.who[name].threads.append(thread)
        events = list(self.agent.stream(f"What is my {word} called?", user_id=name, thread_id=thread))
        self.clean(name, [event.as_dict() for event in events])
        self.clean(name, self.agent.model.seen[-1])

    @rule(name=people)
    def open_anothers_thread(self, name):
        self.clean(name, [thread.title for thread in self.agent.threads.list(name)])
        for _, person in self.others(name):
            for thread in person.threads:
                with pytest.raises(ThreadNotFound):
                    self.agent.threads.messages(name, thread)
                with pytest.raises(ThreadNotFound):
                    list(self.agent.stream("Hello.", user_id=name, thread_id=thread))

    @rule(name=people)
    def fetch_files(self, name):
        person = self.who[name]
        for path in person.files:
            assert person.browser.get(f"/gradio_api/file={urllib.parse.quote(path)}").status_code == 200
        for other, theirs in self.others(name):
            uploads = self.agent.folder_of(other) / "table.csv"
            results = [user_folder(self.agent.folder, "results", other) / Path(uri).name for uri in theirs.results]
            for path in (*theirs.files, uploads, *results, self.agent.folder / "users.db"):
                answer = person.browser.get(f"/gradio_api/file={urllib.parse.quote(str(path))}")
                assert answer.status_code in (403, 404)
                self.clean(name, answer.text)

    @rule(name=people)
    def reload(self, name):
        assert self.who[name].browser.get("/config").json()["username"] == name


Isolation.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would take many minutes
)
TestIsolation = Isolation.TestCase


def test_the_page_asks_as_who_is_logged_in(tmp_path):
    """A request's own words about who asks count for nothing."""
    from bethink.app.ui.page import build_page

    agent = Agent(FakeChat(), ThoughtMemory(tmp_path / "memory", FakeEmbedder()), FakeEmbedder(), TOOLS, tmp_path)
    try:
        thread = agent.threads.create("ann", "anns secret").id
        page = build_page(agent, "ann", login=True)
        load = next(fn for fn in page.fns.values() if fn.name == "load")
        shown = load.fn(SimpleNamespace(username="bob", query_params={"thread": thread}))
        assert "anns secret" not in str(shown)
        import gradio as gr

        with pytest.raises(gr.Error, match="not logged in"):
            load.fn(SimpleNamespace(username=None, query_params={"thread": thread}))
    finally:
        agent.close()


def test_tabs_show_what_is_ones_own_and_settings_are_not_for_everybody(tmp_path):
    import threading

    from bethink.agents.hand_call import HandCall
    from bethink.app.ui import energy
    from bethink.app.ui.page import build_page

    agent = Agent(FakeChat(), ThoughtMemory(tmp_path / "memory", FakeEmbedder()), FakeEmbedder(), TOOLS, tmp_path)
    try:
        uploads = agent.folder_of("ann")
        uploads.mkdir(parents=True)
        (uploads / "anns.csv").write_text("a\n1\n", encoding="utf-8")
        HandCall(agent, agent.tools[0], {}, "ann", threading.Event()).wait(60)
        page = build_page(agent, "ann", login=True)
        functions = {fn.name: fn.fn for fn in page.fns.values()}
        as_ann, as_bob = (SimpleNamespace(username=name) for name in ("ann", "bob"))
        assert "<table>" in functions["on_look"]("All", as_ann)[0]
        assert functions["on_look"]("All", as_bob)[0] == energy.NOTHING
        assert "on_save" not in functions or functions["on_save"].__module__ == energy.__name__
        assert "on_use" not in functions
    finally:
        agent.close()
