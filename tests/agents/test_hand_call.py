from __future__ import annotations

import threading
import time

import pytest

from bethink.agents.energy_tool import EnergyReportInput
from bethink.agents.hand_call import HandCall
from bethink.tools import find_tool
from bethink.tools.contract import Tool, ToolInput, ToolOutput
from tests.agents.fakes import ADD, make_agent


@pytest.fixture
def agent(tmp_path):
    made = make_agent(tmp_path, "Hello.")
    yield made
    made.close()


def called(agent, tool, arguments, user="ann"):
    call = HandCall(agent, tool, arguments, user, threading.Event())
    call.wait(60)
    assert not call.running
    return call


def test_it_is_done_and_kept_in_the_ledger(agent):
    call = called(agent, ADD, {"a": 3})
    assert call.result.output["total"] == 4
    assert (call.done, call.message) == (0.5, "half way")
    assert "processor" in call.cost
    (kept,) = agent.ledger.records("ann")
    assert (kept["kind"], kept["name"], kept["ok"], kept["thread_id"]) == ("tool", "add", True, "")
    assert agent.ledger.records("bob") == []


@pytest.mark.parametrize(
    ("given", "code"), [({"a": 13}, "invalid_input"), ({"a": 14}, "internal"), ({}, "invalid_input")]
)
def test_failures_are_data_and_are_kept_as_failures(agent, given, code):
    assert called(agent, ADD, given).result.error["code"] == code
    assert [each["ok"] for each in agent.ledger.records("ann")] == [False]


def test_it_can_be_stopped(agent):
    def run(given, context):
        while True:
            time.sleep(0.01)
            context.checkpoint(0.1, "waiting")

    slow = Tool("slow", "Wait.", ToolInput, ToolOutput, run)
    cancel = threading.Event()
    call = HandCall(agent, slow, {}, "ann", cancel)
    call.wait(0.2)
    assert call.running
    assert call.message == "waiting"
    cancel.set()
    call.wait(10)
    assert call.result.error["code"] == "cancelled"


def test_the_report_on_energy_is_of_the_user_who_asks(agent):
    tool = find_tool(agent.tools, "energy_report")
    assert tool.Input is EnergyReportInput
    assert called(agent, tool, {"scope": "day"}).result.error["code"] == "not_found"
    thread = agent.threads.create("ann").id
    list(agent.stream("Hi.", user_id="ann", thread_id=thread))
    assert called(agent, tool, {}).result.output["scope"] == "turn"
    assert called(agent, tool, {}, user="bob").result.error["code"] == "not_found"
    assert called(agent, tool, {"scope": "thread"}).result.error["code"] == "not_ready"
