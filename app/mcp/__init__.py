"""Bethink as an MCP server: its tools and one user's memory, over standard input and output or streamable HTTP."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {"Toolbox": "toolbox", "mcp_app": "http", "mcp_server": "server", "serve_stdio": "stdio"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
