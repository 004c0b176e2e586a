"""Answers from recalled thoughts, quoted as the agent quotes them; and saying that one does not know."""

from __future__ import annotations

import re
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from bethink.agents.prompts import quoted_recall, system_prompt
from bethink.models.chat import ChatLocal
from bethink.tools import langchain_tools
from tests.benchmarks.agent.models import OURS, names, open_model, percent, rows
from tests.benchmarks.report import Bar, bar, show

UNKNOWN = re.compile(
    r"(?:do(?:es)? not|don't|doesn't|did not|didn't|have not|haven't|has not|hasn't|cannot|can't|not) "
    r"(?:\w+ ){0,3}?(?:know|mention|mentioned|told|tell|say|said|sure|noted|note|written|remember|find|see|have|recall)"
    r"|no (?:idea|note|notes|record|information|mention)|nothing (?:about|on|noted|in)|unknown|not (?:in|among) (?:my|the)",
    re.IGNORECASE,
)
"""Words for not knowing."""


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    found: dict[str, Any] = {}
    for name in names():
        model = open_model(name, 60)
        tools = [convert_to_openai_tool(tool) for tool in langchain_tools()]
        offered = tools if not isinstance(model, ChatLocal) or model.native_tools else []
        known, unknown, samples = [], [], []
        for row in rows("answers"):
            asked = quoted_recall(row["recalled"], row["question"])
            messages = [SystemMessage(system_prompt(name)), HumanMessage(asked)]
            said = str((model.bind_tools(offered) if offered else model).invoke(messages).text)
            if row.get("unknown"):
                unknown.append(UNKNOWN.search(said) is not None)
            else:
                accepted = [rf"(?<!\w){re.escape(each)}(?!\w)" for each in row["accept"]]
                known.append(any(re.search(each, said, re.IGNORECASE) for each in accepted))
            right = (unknown if row.get("unknown") else known)[-1]
            samples.append({"question": row["question"], "said": said[:200], "right": right})
        found[name] = {"known, %": percent(known), "does not know, %": percent(unknown), "wrong": _wrong(samples)}
    show(
        "Answers from recalled thoughts, percent",
        ("", "right", "says it does not know"),
        [(n, f["known, %"], f["does not know, %"]) for n, f in found.items()],
    )
    return [
        bar("right where the thought is there, %", found[OURS]["known, %"], ">=", 85),
        bar("says that it does not know where it is not, %", found[OURS]["does not know, %"], ">=", 85),
    ], found


def _wrong(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [sample for sample in samples if not sample["right"]][:5]
