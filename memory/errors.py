"""What can go wrong with a memory folder or an import, each as a sentence and the next step."""

from __future__ import annotations

from collections.abc import Sequence

TOLD = 100
"""Bad lines that are told one by one."""


class MemoryFolderError(RuntimeError):
    """The folder cannot be used: not writable, not a folder, or its files are not ours."""


class MemoryLockedError(MemoryFolderError):
    """Another process (or another object in this one) has the folder open."""


class EmbedderMismatchError(MemoryFolderError):
    """The folder's vectors come from another embedder; mixing them would make every distance wrong."""


class MemoryServerError(MemoryFolderError):
    """The server that keeps the thoughts does not answer, or not as a Chroma server."""


class BadLinesError(ValueError):
    """Lines of an import that are no thoughts: ``problems`` has (line number, what is wrong) of the first 100 of them.

    ``count`` is how many there are.
    """

    def __init__(self, problems: Sequence[tuple[int, str]], count: int) -> None:
        self.problems, self.count = list(problems), count
        number, why = problems[0]
        more = f" {self.count - 1:,} more lines are wrong, too." if self.count > 1 else ""
        hint = "Nothing was imported; correct the line or remove it." if self.count == 1 else "Nothing was imported."
        super().__init__(f"Line {number:,} is not a thought: {why}.{more} {hint}")
