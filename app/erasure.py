"""Erasing a user from a data folder, and looking whether something that was erased is gone from all of it.

A chat holds what was typed in it until it is deleted: forgetting thoughts does not touch it, and it is told as a place
where a text still is.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.ledger import Ledger
from bethink.app.build import data_folder, open_memory
from bethink.models.energy.carbon import Carbon

if TYPE_CHECKING:
    from bethink.agents.threads import ThreadStore
    from bethink.app.settings import Settings
    from bethink.memory.erasure import Erased, Trace

RUN_STATE = ("checkpoints.db", "checkpoints.db-wal", "checkpoints.db-shm")
VECTORS = 500
"""So many vectors of a deleted user are looked for in files, chosen by chance; all texts are."""


@dataclass(frozen=True)
class Verified:
    """What is left of what was erased, and the texts that other thoughts have too, for which no file was searched."""

    traces: list[Trace]
    shared: tuple[str, ...]


def verify_erased(settings: Settings, sayings: Sequence[str], server_folder: Path | None = None) -> Verified:
    """Read every place again: memory, chats and the bytes of all files of the data folder.

    ``server_folder`` is the folder of the Chroma server, where it is on this machine.

    Raises:
        ValueError: nothing to look for.
    """
    from bethink.memory.erasure import erased, memory_traces

    with open_memory(settings) as memory:
        gone = erased(memory, sayings, user_id=settings.user, also=_chat_words())
        traces = memory_traces(memory, gone, user_id=settings.user)
        traces += _chat_traces(settings, gone)
    return Verified(traces + _files(settings, gone, server_folder), gone.shared)


@dataclass(frozen=True)
class Deleted:
    """How many thoughts, threads and files went, and what is left of them."""

    thoughts: int
    threads: int
    files: int
    verified: Verified


def delete_user(settings: Settings, *, threads: bool, server_folder: Path | None = None) -> Deleted:
    """Erase all thoughts of the user, with ``threads`` also chats, run state and files; then look again."""
    from bethink.memory.erasure import erased, memory_traces
    from bethink.memory.store import user_key

    user = settings.user
    with open_memory(settings) as memory:
        kept, vectors = memory._keeper.store.load(user_key(user))
        texts = dict.fromkeys(one.text for one in (*kept, *memory._keeper.journal.told(user_key(user))))
        rows = random.Random(0).sample(range(len(kept)), min(VECTORS, len(kept)))
        count = memory.delete_user(user).forgotten
        chats, files = _delete_chats(settings) if threads else (0, 0)
        if not texts:
            return Deleted(count, chats, files, Verified([], ()))
        gone = erased(memory, list(texts), user_id=user, vectors=vectors[rows], also=_chat_words())
        traces = memory_traces(memory, gone, user_id=user) + _chat_traces(settings, gone)
    return Deleted(count, chats, files, Verified(traces + _files(settings, gone, server_folder), gone.shared))


def _files(settings: Settings, gone: Erased, server_folder: Path | None) -> list[Trace]:
    from bethink.memory.erasure import file_traces

    traces = file_traces(data_folder(settings.data), gone)
    if server_folder is not None:
        traces += file_traces(server_folder, gone, named=lambda name: f"server's file {name}")
    return traces


def _chats(settings: Settings) -> ThreadStore | None:
    """The chats, while the memory's lock is held; None if there never were any."""
    from bethink.agents.threads import ThreadStore

    path = data_folder(settings.data) / "threads.db"
    return ThreadStore(path) if path.exists() else None


def _chat_words() -> str:
    """The words in any file of chats: of tables, events and statuses."""
    from bethink.agents import events, ledger, threads

    fields = [name for kind in vars(events).values() for name in getattr(kind, "__dataclass_fields__", ())]
    schemas = f"{threads.SCHEMA} {ledger.SCHEMA} {Carbon().source}"
    kinds = "cputime estimated assistant model tool memory turn recall post-think"
    return f"{schemas} {kinds} {threads.Message.__doc__} {' '.join([*vars(events), *fields])}"


def _chat_traces(settings: Settings, gone: Erased) -> list[Trace]:
    from bethink.memory.erasure import Trace

    store = _chats(settings)
    if store is None:
        return []
    try:
        titles = {thread.id: thread.title for thread in store.list(settings.user, limit=10**6)}
        return [
            Trace(f"chat {titles[thread]!r} ({thread[:8]})", text, "text", count)
            for text in gone.texts
            for thread, count in store.mentions(settings.user, text).items()
            if thread in titles
        ]
    finally:
        store.close()


def _delete_chats(settings: Settings) -> tuple[int, int]:
    """Delete the user's threads, the files that belong to them, and everybody's run state: (threads, files)."""
    from bethink.agents.checkpoints import open_checkpoints

    folder = data_folder(settings.data)
    plots, web = folder / "plots", folder / "web-cache"
    own = hashlib.sha256(settings.user.encode("utf-8", "replace")).hexdigest()[:16]
    owned = [folder / name / own for name in ("uploads", "evaluations", "plots", "results")]
    files = [file for place in owned for file in place.rglob("*") if file.is_file()]
    count, store = 0, _chats(settings)
    if store is not None:
        try:
            files += {path for event in store.events(settings.user) for path in _inside(event, plots)}
            count = store.delete_user(settings.user)
        finally:
            store.close()
    if (folder / "energy.db").exists():
        ledger = Ledger(folder / "energy.db")
        ledger.delete_user(settings.user)
        ledger.close()
    for file in files:
        file.unlink(missing_ok=True)
    for place in owned:
        shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(web, ignore_errors=True)  # copies for the browser, and exports; it is made anew at each start
    for name in RUN_STATE:
        (folder / name).unlink(missing_ok=True)
    if address := settings.checkpoints.get_secret_value():
        open_checkpoints(address, folder).close()  # to open it deletes what this folder left there
    return count, len(files)


def _inside(data: Any, folder: Path) -> Iterator[Path]:
    """The files of a folder that plain data names."""
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        for one in data:
            yield from _inside(one, folder)
    elif isinstance(data, str) and data.startswith(str(folder)):
        path = Path(data)
        if path.resolve().is_relative_to(folder.resolve()) and path.is_file():
            yield path
