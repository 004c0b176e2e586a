"""What would be recalled for a message, with the score by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.ui.memory_board import SLOW, UserOf, said_line, sentence, status

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.memory import Hit, ThoughtMemory

HEADERS = ["Thought", "Score", "Score by channel", "Date", "Status today"]
CHANNELS = {
    "cosine": "meaning",
    "lexical": "words",
    "speaker": "speaker",
    "day": "day",
    "beside": "turn beside it",
    "near": "turn two away",
    "session": "its talk",
    "telling": "tells much",
}
"""What the channels of :mod:`bethink.memory.recall` are called here."""
LEAST = 0.005
"""A channel that gives less is not named."""


def recalled(memory: ThoughtMemory, message: str, as_of: str, user_id: str) -> list[Hit]:
    """The thoughts that the chat would recall for a message, within its limits; ``as_of`` a date, or "" for now.

    Raises:
        ValueError: ``as_of`` is no date.
    """
    from bethink.agents.middleware import MemoryMiddleware

    chat = MemoryMiddleware(memory)
    return memory.search(
        message,
        user_id=user_id,
        k=chat.k,
        max_tokens=chat.max_tokens,
        min_score=chat.min_score,
        as_of=as_of.strip() or None,
    )


def channel_line(hit: Hit) -> str:
    """``words 1.20 + meaning 0.61``: what each channel gives to the score, the most first."""
    parts = sorted(hit.channels.items(), key=lambda part: -abs(part[1]))
    named = [f"{CHANNELS.get(name, name)} {value:.2f}" for name, value in parts if abs(value) >= LEAST]
    return " + ".join(named) or "nothing"


def recall_rows(hits: list[Hit]) -> list[list[str]]:
    """The table's rows, best first."""
    return [
        [hit.thought.text, f"{hit.rank_score:.2f}", channel_line(hit), hit.thought.date, status(hit.thought)]
        for hit in hits
    ]


def build_recall(agent: Agent, user_of: UserOf) -> None:
    """Build the part inside the current Blocks; it changes nothing."""
    with gr.Accordion("What would be recalled for …?", open=False, elem_id="recall-test"):
        with gr.Row():
            question = gr.Textbox(
                label="A message",
                placeholder="Where does Maria live?",
                scale=3,
                min_width=220,
                elem_id="recall-question",
            )
            as_of = gr.Textbox(
                label="As of a date (empty: now)",
                placeholder="2024-05-31",
                scale=1,
                min_width=150,
                elem_id="recall-as-of",
            )
        go = gr.Button("Recall", size="sm", elem_id="recall-go")
        line = gr.HTML(elem_id="recall-said")
        found = gr.Dataframe(
            headers=HEADERS,
            interactive=False,
            wrap=True,
            label="Recalled, best first",
            column_widths=["36%", "9%", "25%", "14%", "16%"],
            visible=False,
            elem_id="recall-table",
        )

    def on_question(message: str, when: str, request: gr.Request) -> Any:
        if not (message or "").strip():
            return gr.update(visible=False), said_line("Write a message first.")
        try:
            hits = recalled(agent.memory, message, when or "", user_of(request))
        except ValueError as problem:
            return gr.update(visible=False), said_line(sentence(problem))
        if not hits:
            return gr.update(visible=False), said_line("Nothing would be recalled: no thought is near enough.")
        return gr.update(value=recall_rows(hits), visible=True), said_line("The score is the sum of its channels.")

    gr.on([question.submit, as_of.submit, go.click], on_question, [question, as_of], [found, line], **SLOW)
