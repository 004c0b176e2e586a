"""What can go wrong with a memory folder, each as a sentence and the next step."""

from __future__ import annotations


class MemoryFolderError(RuntimeError):
    """The folder cannot be used: not writable, not a folder, or its files are not ours."""


class MemoryLockedError(MemoryFolderError):
    """Another process (or another object in this one) has the folder open."""


class EmbedderMismatchError(MemoryFolderError):
    """The folder's vectors come from another embedder; mixing them would make every distance wrong."""


class MemoryServerError(MemoryFolderError):
    """The server that keeps the thoughts does not answer, or not as a Chroma server."""
