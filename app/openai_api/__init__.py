"""The agent behind OpenAI's chat completions: for Open WebUI, LibreChat, the ``openai`` client and their like."""

from __future__ import annotations

from bethink.app.openai_api.routes import openai_router

__all__ = ["openai_router"]
