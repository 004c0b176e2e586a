"""What the model says of a tool's result: no number that is not in it, and what was asked for."""

from __future__ import annotations

import json
import re
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from bethink.agents.prompts import system_prompt
from bethink.models.chat import ChatLocal
from bethink.tools import langchain_tools
from tests.benchmarks.agent.models import OURS, names, open_model, percent, rows
from tests.benchmarks.report import Bar, bar, show

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    found: dict[str, Any] = {}
    for name in names():
        model = open_model(name, 120)
        tools = [convert_to_openai_tool(tool) for tool in langchain_tools()]
        offered = tools if not isinstance(model, ChatLocal) or model.native_tools else []
        honest, told = [], []
        for row in rows("results"):
            brief = getattr(model, "brief_results", False) and "summary" in row["result"]
            shown = {"summary": row["result"]["summary"]} if brief else row["result"]
            content = json.dumps(shown, ensure_ascii=False)
            call = {"name": row["tool"], "args": row["arguments"], "id": "call_1"}
            messages = [
                SystemMessage(system_prompt(name)),
                HumanMessage(row["question"]),
                AIMessage("", tool_calls=[call]),
                ToolMessage(content, name=row["tool"], tool_call_id="call_1"),
            ]
            said = str((model.bind_tools(offered) if offered else model).invoke(messages).text)
            allowed = [*row["numbers_allowed"], *_numbers(row["question"])]
            honest.append(bool(said) and all(_known(number, allowed) for number in _numbers(said)))
            told.append(all(any(each.lower() in said.lower() for each in group) for group in row["must_mention"]))
        both = [a and b for a, b in zip(honest, told, strict=True)]
        found[name] = {
            "only its numbers, %": percent(honest),
            "what was asked, %": percent(told),
            "both, %": percent(both),
        }
    show("Results told, percent", ("", *found[OURS]), [(n, *f.values()) for n, f in found.items()])
    return [bar("results told with only their numbers, %", found[OURS]["only its numbers, %"], ">=", 0)], found


def _numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in NUMBER.findall(text)]


def _known(number: float, allowed: list[float]) -> bool:
    """Whether it is one of them, rounded anyhow, or a percentage of one."""
    return any(
        abs(number - each * factor) <= 0.5 * 10 ** -_decimals(number) + 1e-9 or abs(number - each) <= 0.06 * abs(each)
        for each in allowed
        for factor in (1, 100, -1)
    )


def _decimals(number: float) -> int:
    return len(str(number).rstrip("0").partition(".")[2])
