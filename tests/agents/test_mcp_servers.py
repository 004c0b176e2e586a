"""Other people's MCP servers in the chat: their tools, what needs approval, and what happens when they fail."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")

from bethink.agents import mcp_servers
from bethink.agents.agent import Agent
from bethink.agents.approval import ApprovalMiddleware
from bethink.agents.mcp_servers import MCPServers, ServerAddress
from bethink.app.settings import SettingsError, load_settings
from bethink.memory import ThoughtMemory
from bethink.tools import langchain_tools
from bethink.tools.contract import ToolContext, call_tool, find_tool
from tests.agents.fakes import ADD, FakeChat
from tests.conftest import FakeEmbedder
from tests.fake_chat import calls, scripted

SCRIPT = str(Path(__file__).with_name("remote_mcp.py"))


def address(*arguments: str) -> ServerAddress:
    return ServerAddress(command=sys.executable, args=[SCRIPT, *arguments])


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes.txt"


@pytest.fixture
def servers(tmp_path, notes):
    made = MCPServers({"other": address(str(notes))}, tmp_path)
    yield made
    made.close()


@pytest.fixture
def run(servers, tmp_path):
    def call(name: str, context: ToolContext | None = None, **arguments):
        return call_tool(find_tool(servers.tools, name), arguments, context or ToolContext(tmp_path / "plots"))

    return call


def test_their_tools_are_listed_and_those_that_may_write_need_approval(servers):
    assert servers.problems == []
    assert {tool.name: tool.confirm for tool in servers.tools} == {
        "other_look": False,
        "other_write": True,
        "other_read_file_v2": False,
        "other_picture": False,
        "other_slow": False,
        "other_die": False,
    }
    look = find_tool(servers.tools, "other_look")
    assert look.description == "A tool of the MCP server other."
    assert look.told == "Look a word up."
    assert look.input_schema()["required"] == ["word"]


def test_a_call_gives_text_and_structure(run):
    made = run("other_look", word="horse").output
    assert made["structured"] == {"letters": 5}
    assert json.loads(made["summary"]) == {"letters": 5}


def test_what_the_server_refuses_is_told_in_its_words(run):
    assert "There is no such file." in run("other_read_file_v2").error["message"]
    assert "word" in run("other_look").error["message"]


def test_its_pictures_become_plots(run, tmp_path):
    (plot,) = run("other_picture").output["plots"]
    assert Path(plot["path"]).parent == tmp_path / "plots"
    assert Path(plot["path"]).read_bytes().startswith(b"\x89PNG")


def test_its_progress_is_passed_on(run, tmp_path):
    told = []
    context = ToolContext(tmp_path, progress=lambda done, message: told.append((round(done, 2), message)))
    assert run("other_slow", context, steps=4).ok
    assert told == [(0.0, "at 0"), (0.25, "at 1"), (0.5, "at 2"), (0.75, "at 3")]


def test_a_call_can_be_cancelled(run, tmp_path):
    context = ToolContext(tmp_path)
    threading.Timer(0.3, context.cancel.set).start()
    start = time.monotonic()
    assert run("other_slow", context, steps=1000).error["code"] == "cancelled"
    assert time.monotonic() - start < 10
    assert run("other_look", word="a").ok


def test_a_server_that_dies_is_an_error_that_says_so(run):
    for name in ("other_die", "other_look"):
        error = run(name, **({"word": "a"} if name == "other_look" else {})).error
        assert error["code"] == "not_ready"
        assert "The MCP server other did not answer" in error["message"]


def test_one_that_does_not_start_is_told_of_and_the_others_work(tmp_path, notes, monkeypatch):
    monkeypatch.setattr(mcp_servers, "START_S", 8.0)
    wrong = {
        "missing": ServerAddress(command="no-such-command-anywhere"),
        "late": address(str(notes), "late"),
        "broken": ServerAddress(command=sys.executable, args=["-c", "raise SystemExit('I cannot')"]),
        "nowhere": ServerAddress(url="http://127.0.0.1:9/mcp"),
        "other": address(str(notes)),
    }
    start = time.monotonic()
    made = MCPServers(wrong, tmp_path)
    made.close()
    assert time.monotonic() - start < 45
    assert {tool.name.split("_")[0] for tool in made.tools} == {"other"}
    assert len(made.problems) == 4
    for name, problem in zip(("missing", "late", "broken", "nowhere"), made.problems, strict=True):
        assert problem.startswith(f"The MCP server {name} did not start (")
        assert f"[mcp_servers.{name}]" in problem
        assert "Traceback" not in problem
        assert "TaskGroup" not in problem
    assert "I cannot" in (tmp_path / "mcp-broken.log").read_text()


def test_without_the_sdk_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(mcp_servers, "find_spec", lambda name: None)
    made = MCPServers({"other": address()}, tmp_path)
    made.close()
    assert made.tools == []
    assert "pip install 'bethink[mcp]'" in made.problems[0]


# In the chat


@pytest.fixture
def make(tmp_path, servers):
    made: list[Agent] = []

    def build(*script) -> Agent:
        memory = ThoughtMemory(tmp_path / "memory", FakeEmbedder())
        model = FakeChat(script=list(script), seen=[])
        made.append(Agent(model, memory, memory.embedder, [ADD, *servers.tools], tmp_path))
        return made[-1]

    yield build
    for agent in made:
        agent.close()


def turn(agent: Agent, text: str, **options) -> tuple[list, str]:
    """The ends of the tool calls of one turn, and the answer."""
    thread = agent.threads.create("ann")
    events = list(agent.stream(text, user_id="ann", thread_id=thread.id, memory=False, **options))
    return [event for event in events if event.kind == "ToolEnd"], events[-1].text


def test_a_reading_tool_runs_as_the_chats_own_do(make):
    (end,), answer = turn(make(("other_look", {"word": "horse"}), "Five letters."), "How long is horse?")
    assert end.ok
    assert end.result["structured"] == {"letters": 5}
    assert answer == "Five letters."


def test_a_writing_tool_is_refused_until_the_user_approves_that_very_call(make, notes):
    agent = make(("other_write", {"text": "buy milk"}), "May I?")
    (end,), answer = turn(agent, "Note that I need milk.")
    assert not end.ok
    assert not notes.exists()
    assert answer == "May I?"
    error = end.result["error"]
    assert error["code"] == "needs_approval"
    command = '/other_write {"text": "buy milk"}'
    assert error["hint"].endswith(command)
    assert command in str(agent.model.seen[-1][-1].text).replace('\\"', '"')
    (end,), answer = turn(agent, command)
    assert end.ok
    assert answer == "written"
    assert notes.read_text() == "buy milk\n"


@pytest.mark.parametrize(
    ("typed", "runs"),
    [
        ('/other_write {"text": "buy milk"}', True),
        ('/other_write {"text": "something else"}', False),
        ('/other_look {"text": "buy milk"}', False),
        ('Please do /other_write {"text": "buy milk"}', False),
    ],
)
def test_a_typed_command_approves_that_very_call_in_anybodys_agent(servers, tmp_path, notes, typed, runs):
    from langchain.agents import create_agent

    model = scripted(calls("other_write", {"text": "buy milk"}), "Done.")
    tools = langchain_tools(tmp_path, servers.tools)
    agent = create_agent(model, tools, middleware=[ApprovalMiddleware(servers.tools)])
    told = agent.invoke({"messages": [("user", typed)]})["messages"][2]
    assert notes.exists() == runs
    assert ("needs_approval" in told.text) == (not runs)
    assert told.status == ("success" if runs else "error")


def test_a_call_in_an_earlier_message_is_no_approval(make, notes):
    agent = make(("other_write", {"text": "buy milk"}), "Sorry.")
    thread = agent.threads.create("ann")
    list(agent.stream('/other_write {"text": "buy milk"}', user_id="ann", thread_id=thread.id, memory=False))
    list(agent.stream("Thank you.", user_id="ann", thread_id=thread.id, memory=False))
    assert notes.read_text() == "buy milk\n"


def test_yes_approves_all_of_a_turn(make, notes):
    (end,), _ = turn(make(("other_write", {"text": "buy milk"}), "Done."), "Note milk.", approve=True)
    assert end.ok
    assert notes.read_text() == "buy milk\n"


# In the settings


def test_servers_are_named_in_the_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bethink.toml").write_text(
        '[mcp_servers.files]\ncommand = "npx"\nargs = ["-y", "server"]\n'
        '[mcp_servers.far]\nurl = "http://127.0.0.1:9000/mcp"\n'
    )
    found = load_settings().mcp_servers
    assert found["files"].args == ["-y", "server"]
    assert found["far"].url == "http://127.0.0.1:9000/mcp"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "either command (with args) or url"),
        ('command = "a"\nurl = "http://b"', "either command (with args) or url"),
        ('url = "file:///etc/passwd"', "mcp_servers.x.url"),
        ('comand = "a"', "mcp_servers.x.comand"),
    ],
)
def test_a_wrong_server_is_named(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    Path("bethink.toml").write_text(f"[mcp_servers.x]\n{text}\n")
    with pytest.raises(SettingsError, match=words.replace("(", r"\(").replace(")", r"\)")):
        load_settings()
