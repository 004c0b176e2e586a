"""The agent: its loop, prompts, post-thinking and dialogue evaluation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Agent": "agent",
    "Context": "agent",
    "MemoryMiddleware": "middleware",
    "MeteringMiddleware": "middleware",
    "memory_tools": "thought_tools",
    "ThreadStore": "threads",
    "ThreadNotFound": "threads",
}
__all__ = [
    "Agent",
    "Context",
    "MemoryMiddleware",
    "MeteringMiddleware",
    "ThreadNotFound",
    "ThreadStore",
    "memory_tools",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(import_module(f"bethink.agents.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
