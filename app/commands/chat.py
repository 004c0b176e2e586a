"""``bethink chat``."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from bethink.app.output import stderr


def private_cache(folder: Path) -> None:
    """Empty the folder in which Gradio keeps copies of plots and exports, and let nobody else read it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


def run_chat(
    *, model: str | None, data: Path | None, user: str | None, port: int | None, open_browser: bool, mcp: bool = False
) -> None:
    """Open the agent, load its model in the background, and serve the page until interrupted."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from importlib.metadata import version

    from bethink.app.build import data_folder, open_agent
    from bethink.app.commands.mcp import require_sdk
    from bethink.app.settings import load_settings

    if mcp:
        require_sdk()
    settings = load_settings(model=model, data=data, user=user, port=port)
    agent = open_agent(settings)
    private_cache(data_folder(settings.data) / "web-cache")
    places = f"thoughts and chats: {settings.data}"
    if settings.memory_server:
        places = f"thoughts: {settings.memory_server} | chats: {settings.data}"
    stderr.print(
        f"bethink {version('bethink')} | model: {settings.model} | {places}",
        highlight=False,
    )
    try:
        from bethink.app.serve import create_app, serve

        page = create_app(agent, default_user=settings.user, mcp=mcp, settings=settings)
        threading.Thread(target=agent.warm_up, name="warm-up", daemon=True).start()
        serve(page, settings.host, settings.port, open_browser)
    finally:
        agent.close()
