"""Decision tools. Each method is a plain library in its own folder; ``tool.py`` there is its thin agent face."""

from __future__ import annotations

from bethink.tools.contract import Tool, ToolContext, ToolError, ToolResult, call_tool, find_tool
from bethink.tools.langchain import langchain_tools
from bethink.tools.openai import openai_tools, run_tool_call

__all__ = [
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolResult",
    "all_tools",
    "call_tool",
    "find_tool",
    "langchain_tools",
    "openai_tools",
    "run_tool_call",
]


def all_tools() -> list[Tool]:
    """Every tool Bethink ships, in the order the interface shows them."""
    from bethink.tools.budget.tool import allocate_budget, budget_curve, evaluate_policy
    from bethink.tools.density.tool import estimate_density
    from bethink.tools.filtering.tool import track_state
    from bethink.tools.recommendation.tool import recommend, search_catalog

    tools = [track_state, estimate_density, allocate_budget, budget_curve, evaluate_policy]
    return [*tools, recommend, search_catalog]
