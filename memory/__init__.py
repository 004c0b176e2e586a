"""Thought memory: what was learned from a conversation, kept as short dated thoughts and recalled by meaning.

Follows Think-in-Memory (arXiv 2311.08719) with its hash (Eq. 1) as one recall mode, exact search with a lexical
channel as the default, and forgetting and merging that can be undone.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "AngularLSH": "lsh",
    "BadLinesError": "errors",
    "Change": "thought",
    "ChromaStore": "store",
    "EmbedderMismatchError": "errors",
    "Fact": "extract",
    "ForgetReport": "thought",
    "Hit": "thought",
    "LLMExtractor": "llm_extract",
    "LangGraphStore": "langgraph_store",
    "MemoryFolderError": "errors",
    "MemoryLockedError": "errors",
    "Message": "extract",
    "NullExtractor": "extract",
    "RuleExtractor": "rule_extract",
    "Thought": "thought",
    "ThoughtMemory": "memory",
    "ThoughtRetriever": "retriever",
    "item_id": "items",
    "run_user": "langgraph_store",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
