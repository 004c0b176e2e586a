"""Reading Chinese: facts of the speaker's life, facts about things, dates. Patterns, no model."""

from __future__ import annotations

from bethink.memory.chinese.reading import ChineseReader
from bethink.memory.chinese.text import is_chinese

__all__ = ["ChineseReader", "is_chinese"]
