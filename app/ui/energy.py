"""The Energy tab: what answers and tools cost, what the memory avoided, and the switches that spare."""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.ui.energy_plot import draw
from bethink.app.ui.render import cell
from bethink.models.energy import process_meter
from bethink.tools.contract import short

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.app.settings import Settings

RANGES = {"Today": 0, "7 days": 6, "30 days": 29, "All": None}
NOTHING = "<p>Nothing has been measured yet. Ask something in the chat, or run a tool: what it took is shown here.</p>"
DRAWN = 20_000
"""Records that the picture is made of at most, the latest."""
SWITCHES = {
    "full_history": "the whole chat goes before the model; off: recalled thoughts and the last messages",
    "keep_prefix": "what was read of recent prompts is kept, so that the same beginning is not read again",
    "precision": "number format of a local model; auto: the fastest here",
    "repeat_answers": "a prompt that was answered before, to the letter, is not answered anew until the memory changes",
    "think_after_s": "seconds of quiet after which finished turns are thought about together; 0: each at once",
    "unload_after_min": "minutes without a turn after which the weights are let go of; 0: never",
    "max_new_tokens": "longest answer, in tokens",
}
UserOf = Callable[[gr.Request], str]


def build_energy(agent: Agent, user_of: UserOf, tab: gr.Tab, settings: Settings) -> None:
    """Build the tab inside the current Blocks."""
    span = gr.Radio(list(RANGES), value="7 days", label="Time", elem_id="energy-range")
    sums = gr.HTML(NOTHING, elem_id="energy-sums")
    picture = gr.HTML("", elem_id="energy-picture")
    gr.Markdown(measured_how(), elem_id="energy-how")
    switches = gr.HTML(switch_table(settings, []), elem_id="energy-switches")
    export = gr.Button("Prepare all records as CSV", size="sm", scale=0, min_width=240, elem_id="energy-export")
    file = gr.File(label="Download", visible=False, elem_id="energy-file")

    def on_look(chosen: str, request: gr.Request) -> Any:
        """(sums, picture, switches)."""
        user_id, since = user_of(request), first_day(chosen)
        totals = agent.ledger.total(user_id, since)
        records = agent.ledger.records(user_id, since, limit=DRAWN) if totals else []
        table = sums_table(totals, agent.ledger.per_kind(user_id, since))
        return table, pictured(records), switch_table(settings, totals)

    def on_save(request: gr.Request) -> Any:
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=os.environ.get("GRADIO_TEMP_DIR")))
        path = folder / "bethink-energy.csv"
        written = agent.ledger.csv(user_of(request))
        path.write_text(written, encoding="utf-8")
        return gr.update(value=str(path), visible=True, label=f"{written.count(chr(10)) - 1:,} records")

    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    shown = [sums, picture, switches]
    tab.select(on_look, [span], shown, **quick)
    span.input(on_look, [span], shown, **quick)
    export.click(on_save, None, [file], **quick)


def first_day(chosen: str) -> str:
    """The first day (UTC) of a range, as the ledger takes it; empty: from the beginning."""
    days = RANGES.get(chosen)
    return "" if days is None else f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"


def sums_table(totals: Sequence[dict[str, Any]], kinds: Sequence[dict[str, Any]]) -> str:
    """What it took in all and by kind of work; measured and estimated joules are never added up."""
    if not totals:
        return NOTHING
    rows = [("all", each) for each in totals] + [(each["kind"], each) for each in kinds]
    return table(
        ("", "energy", "CO₂e", "processor", "tokens read", "kept from before", "written", "avoided, net"),
        [
            (
                name, amount(each["energy_j"], "J", each["error_class"]), amount(each["co2e_g"], "g"),
                amount(each["t_cpu_s"], "s"), number(each["tokens_in"]), number(each["tokens_in_cached"]),
                number(each["tokens_out"]), number(each["tokens_avoided_net"], "+,"),
            )
            for name, each in rows
        ],
    )  # fmt: skip


def pictured(records: Sequence[dict[str, Any]]) -> str:
    """The picture of the records, those of the class that most of them have."""
    classes = [each["error_class"] for each in records]
    if not classes:
        return ""
    most = max(set(classes), key=classes.count)
    source, words = draw([each for each in records if each["error_class"] == most])
    return (
        f'<figure><img src="{source}" alt="{html.escape(words, quote=True)}"><figcaption>{most}</figcaption></figure>'
    )


def measured_how() -> str:
    """Where joules and grams come from on this machine, in a sentence or two."""
    meter = process_meter()
    words = f"Energy is **{meter.error_class}** here ({cell(meter.backend)})"
    if meter.error_class == "estimated":
        words += f": processor seconds times {meter.watts_per_core:.3g} W a core"
    carbon = meter.carbon
    words += f". Carbon: {carbon.ci_g_per_kwh:g} g CO₂e a kWh ({cell(carbon.source)}), PUE {carbon.pue:g}. "
    return words + "Set `country` and `pue` in Settings; where you are is never guessed."


def switch_table(settings: Settings, totals: Sequence[dict[str, Any]]) -> str:
    """The switches that spare energy, how they stand, and what two of them did in the chats that are summed."""
    read = sum(each["tokens_in"] or 0 for each in totals)
    kept = sum(each["tokens_in_cached"] or 0 for each in totals)
    avoided = sum(each["tokens_avoided"] or 0 for each in totals)
    did = {}
    if read and not settings.full_history:
        did["full_history"] = f"{read + avoided:,} prompt tokens with the whole chat, {read:,} as it is"
    if read and settings.keep_prefix:
        did["keep_prefix"] = f"{read:,} tokens to read without, {read - kept:,} as it is"
    rows = [(name, _state(getattr(settings, name)), what, did.get(name, "")) for name, what in SWITCHES.items()]
    note = "<p>Each of them, measured before and after: docs/green.md. They are set in Settings.</p>"
    return table(("switch", "now", "what it does", "in this time"), rows) + note


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table; the first cell of a row names it."""
    top = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(each)}</td>" for each in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="plain-table" tabindex="0"><table><tr>{top}</tr>{body}</table></div>'


def amount(value: float | None, unit: str, error_class: str = "") -> str:
    """A number of two significant digits with its unit."""
    if value is None:
        return "not known"
    sign = "≈ " if error_class == "estimated" else ""
    return f"{sign}{short(value, 2):,g} {unit}" + (f" ({error_class})" if error_class else "")


def number(value: int | None, form: str = ",") -> str:
    """A whole number with its thousands apart."""
    return "" if value is None else format(value, form)


def _state(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
