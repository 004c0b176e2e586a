"""The page: a banner while the model loads, and the tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.app.settings import Settings, load_settings
from bethink.app.ui.adapters import build_adapters
from bethink.app.ui.chat import build_chat
from bethink.app.ui.energy import build_energy
from bethink.app.ui.evaluate import build_evaluate
from bethink.app.ui.memory import build_memory
from bethink.app.ui.settings import build_settings
from bethink.app.ui.theme import CARDS
from bethink.app.ui.tools import build_tools

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.app.ui.uploads import UploadLimits


def build_page(
    agent: Agent,
    default_user: str,
    *,
    login: bool = False,
    uploads: UploadLimits | None = None,
    settings: Settings | None = None,
) -> gr.Blocks:
    """The whole page over an agent.

    The user is whoever logged in, or ``default_user`` where there is no ``login``; never anything the browser sends.
    ``settings``: those that the agent was made of; left out, those that are found now.
    """
    settings = settings or load_settings()

    def user_of(request: gr.Request) -> str:
        if not login:
            return default_user
        if not request.username:
            raise gr.Error("You are not logged in (any more). Reload the page.")
        return str(request.username)

    with gr.Blocks(title="Bethink", analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)) as page:
        gr.HTML(
            "<div><h1>Bethink</h1><p>recalls before it answers, and thinks afterwards</p></div>",
            elem_id="brand",
        )
        if login:
            gr.Button("Log out", link="/logout", size="sm", elem_id="log-out")
        banner = gr.Markdown(banner_text(agent), elem_id="banner")
        timer = gr.Timer(1.0)
        with gr.Tab("Chat", elem_id="tab-chat"):
            chat = build_chat(agent, user_of, uploads=uploads)
        with gr.Tab("Memory", elem_id="tab-memory") as tab:
            build_memory(agent, user_of, tab)
        with gr.Tab("Tools", elem_id="tab-tools") as tools_tab:
            build_tools(agent, user_of, tools_tab, uploads)
        with gr.Tab("Adapters", elem_id="tab-adapters") as adapters_tab:
            build_adapters(agent, adapters_tab, settings, login=login)
        with gr.Tab("Energy", elem_id="tab-energy") as energy_tab:
            build_energy(agent, user_of, energy_tab, settings)
        with gr.Tab("Evaluate", elem_id="tab-evaluate") as evaluate_tab:
            build_evaluate(agent, user_of, evaluate_tab)
        with gr.Tab("Settings", elem_id="tab-settings"):
            build_settings(agent, settings, login=login)

        def tick() -> Any:
            waiting = agent.status()["state"] == "loading"
            return banner_text(agent), gr.update() if waiting else gr.Timer(active=False)

        timer.tick(tick, None, [banner, timer], show_progress="hidden", api_visibility="private")
        page.load(None, js=CARDS, api_visibility="private")
        page.load(
            chat.load, None, [chat.threads, chat.chatbot, chat.state], show_progress="hidden", api_visibility="private"
        )
    return page


def banner_text(agent: Agent) -> str:
    """What stands above the tabs: nothing once the model is ready."""
    status = agent.status()
    if status["state"] == "ready":
        return ""
    if status["state"] == "error":
        return f"⚠️ **The model could not be loaded.** {status['message']}"
    share = int(10 * float(status["done"]))
    bar = "▰" * share + "▱" * (10 - share)
    return f"{bar} {status['message']} You can write already; the answer starts when it is loaded."
