"""What answers have cost, as a tool: for the user who asks, whom no argument names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from bethink.tools.contract import Tool, ToolContext, ToolError, ToolInput, ToolOutput, short

if TYPE_CHECKING:
    from bethink.agents.ledger import Ledger


class EnergyReportInput(ToolInput):
    """Of what."""

    scope: Literal["turn", "thread", "day"] = Field(
        "turn", description="The last answer of this chat, this whole chat, or today (UTC) in all chats."
    )


class EnergyReportOutput(ToolOutput):
    """What it cost. Figures that are not known are null."""

    scope: str
    energy_j: float | None = Field(description="Joules.")
    co2e_g: float | None = Field(description="Grams of CO2e.")
    backend: str = Field(description="Where the joules are from.")
    error_class: str = Field(description="measured or estimated; where both occur, only the estimated part is summed.")
    ci_source: str = Field(description="Where the carbon intensity is from.")
    tokens_in: int
    tokens_out: int
    tokens_avoided_net: int | None = Field(
        description="Prompt tokens fewer than with the whole chat, less what the memory spent; may be negative."
    )


def energy_tool(ledger: Ledger | None, user_id: str | None = None) -> Tool:
    """``energy_report``, for the user of the run around the call, or for one user.

    Args:
        ledger: where the records are; None where the tool is only offered and never run.
        user_id: for hosts without a chat; ``turn`` is then the last answer in any chat, and ``thread`` is refused.
    """

    def run(request: EnergyReportInput, context: ToolContext) -> EnergyReportOutput:
        user, thread = (user_id, "") if user_id is not None else _asker()
        if ledger is None or user is None or (request.scope == "thread" and not thread):
            hint = "Ask for the scope 'turn' or 'day', or in a chat."
            raise ToolError("not_ready", "There is no chat around this call.", hint)
        return _report(ledger, request.scope, user, thread)

    return Tool(
        "energy_report",
        "What answers have cost: energy, CO2e, tokens, and prompt tokens that the memory avoided.",
        EnergyReportInput,
        EnergyReportOutput,
        run,
        examples=(
            ("How much energy did that answer take?", {"scope": "turn"}),
            ("How much energy did you use today?", {"scope": "day"}),
        ),
        cost_hint="milliseconds",
        idempotent=False,
    )


def _asker() -> tuple[str | None, str]:
    """(user, thread) of the LangGraph run around this call."""
    from langgraph.runtime import get_runtime

    try:
        context: Any = get_runtime().context
    except (RuntimeError, KeyError, LookupError):
        return None, ""
    return getattr(context, "user_id", None), getattr(context, "thread_id", "")


def _report(ledger: Ledger, scope: str, user: str, thread: str) -> EnergyReportOutput:
    since = f"{datetime.now(UTC):%Y-%m-%d}" if scope == "day" else ""
    trace = ""
    if scope == "turn":
        turns = [each for each in ledger.records(user, thread_id=thread, limit=200) if each["kind"] == "turn"]
        if not turns:
            raise ToolError("not_found", "There is no finished answer yet.", "Ask again after the first one.")
        trace = turns[-1]["trace_id"]
    thread = "" if scope == "day" else thread
    sums = {each["error_class"]: each for each in ledger.total(user, since, thread_id=thread, trace_id=trace)}
    if not sums:
        raise ToolError("not_found", "Nothing has been measured yet.", "Ask again after the first answer.")
    # a sum of measured and estimated joules would be neither
    error_class = "estimated" if "estimated" in sums else "measured"
    found, every = sums[error_class], sums.values()
    last = ledger.records(user, since, thread_id=thread, limit=1)[-1]
    digits = 2 if error_class == "estimated" else 3
    joules = None if found["energy_j"] is None else short(found["energy_j"], digits)
    grams = None if found["co2e_g"] is None else short(found["co2e_g"], digits)
    saved = [each["tokens_avoided_net"] for each in every if each["tokens_avoided_net"] is not None]
    net = sum(saved) if saved else None
    words = {"turn": "The last answer", "thread": "This chat", "day": "Today's work"}[scope]
    cost = "an amount of energy that is not known" if joules is None else f"{joules:g} J ({error_class})"
    summary = f"{words} took {cost}" + ("." if grams is None else f", {grams:g} g of CO2e ({last['ci_source']}).")
    if net is not None:
        summary += f" Net prompt tokens avoided: {net}."
    return EnergyReportOutput(
        summary=summary,
        scope=scope,
        energy_j=joules,
        co2e_g=grams,
        backend=last["energy_backend"],
        error_class=error_class,
        ci_source=last["ci_source"],
        tokens_in=sum(each["tokens_in"] for each in every),
        tokens_out=sum(each["tokens_out"] for each in every),
        tokens_avoided_net=net,
    )
