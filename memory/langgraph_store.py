"""A thought memory as the ``store=`` of any LangGraph agent: LangGraph's ``BaseStore`` over the same folder."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    validate_op_namespace,
)

from bethink.memory.item_match import fits_filter, fits_path
from bethink.memory.items import StoredItem, item_id, item_thought, json_value, stored_item
from bethink.memory.store import user_key
from bethink.memory.thought import Thought

if TYPE_CHECKING:
    from bethink.memory.memory import ThoughtMemory

Namespace = tuple[str, ...]
_BIND = "Pass user_id='...', user_id=run_user, or user_of=lambda namespace: namespace[0]."


def run_user() -> str:
    """The user of the LangGraph run that is under way: ``context.user_id``, else ``config["configurable"]["user_id"]``.

    Raises:
        ValueError: there is no run, or it names no user.
    """
    from langgraph.config import get_config
    from langgraph.runtime import get_runtime

    try:
        config = get_config()
    except RuntimeError as problem:
        hint = "Outside of a run give the store a fixed user_id."
        raise ValueError(f"There is no LangGraph run under way that could name the user. {hint}") from problem
    try:
        context: Any = get_runtime().context
    except (KeyError, RuntimeError, AttributeError):  # a runnable that is no graph has a config, but no runtime
        context = None
    user = context.get("user_id") if isinstance(context, Mapping) else getattr(context, "user_id", None)
    user = user or (config.get("configurable") or {}).get("user_id")
    if not user:
        hint = "Run it with context=Context(user_id=...) or config={'configurable': {'user_id': ...}}."
        raise ValueError(f"The run names no user, and the store keeps nothing without one. {hint}")
    return str(user)


class LangGraphStore(BaseStore):
    """Items (namespace, key, JSON value) kept as thoughts: durable, searched by meaning and words, journalled.

    Goes wherever LangGraph takes a ``BaseStore``. Each item is one thought of its user, found by the memory's own
    search, list, export and forgetting too; the store's methods show items only. What differs from LangGraph's own:

    - *Users* are bound here and never read from a namespace, unless ``user_of`` says so. No call crosses users.
    - *Secrets* are not stored: strings in values are cut as texts are (``[secret removed]``), so ``get`` may give back
      less than was put; see :func:`bethink.memory.items.json_value`. Namespaces, keys and names are kept as they are.
    - *Put* of a key that is there edits its thought; ``memory.history(item_id(namespace, key), user_id=...)`` has the
      earlier values. *Delete* ends it softly and can be undone, unless ``hard_delete``.
    - *Search* ranks as the memory does; ``score`` is the cosine. With the memory's ``recall_mode="auto"`` words count
      beside it, so scores need not fall. One vector an item: its indexed fields' texts in a row, of which the first
      4,000 characters count (MiniLM reads about 1,000). Items that are not indexed come last, without score. Without a
      query the latest put comes first.
    - A text changed with ``memory.update`` changes how the item is found, not its value.
    - *TTL* is not supported.

    Cost: ``get`` one look-up; ``put`` one embedding and one journal write; ``search`` and ``list_namespaces`` a pass
    over all thoughts of the user (about 15 ms for 1,000 on a CPU core). Safe for many threads. The writes of one batch
    are checked before any is made.

    Args:
        memory: the thought memory; closing it is the caller's.
        user_id: whose items these are, or a function that says so at each call, such as :func:`run_user`.
        user_of: instead of ``user_id``: the user of a namespace (also called with the prefixes of searches).
        fields: the JSON paths that are indexed where a put does not say; ``$`` is the whole value.
        hard_delete: delete as ``memory.forget(hard=True)`` does, with all earlier values and no way back.

    Raises:
        ValueError: neither or both of ``user_id`` and ``user_of``, or an empty user.
    """

    def __init__(
        self,
        memory: ThoughtMemory,
        user_id: str | Callable[[], str] | None = None,
        *,
        user_of: Callable[[Namespace], str] | None = None,
        fields: Sequence[str] = ("$",),
        hard_delete: bool = False,
    ) -> None:
        if (user_id is None) == (user_of is None):
            raise ValueError(f"The store needs to know its user in one way. {_BIND}")
        if user_id is not None and not callable(user_id):
            user_key(user_id)
        if isinstance(fields, str):
            raise ValueError(f"fields must be a list of paths, as in [{fields!r}].")
        self.memory, self.fields, self.hard_delete = memory, tuple(fields), hard_delete
        self._user_id, self._user_of = user_id, user_of
        self._writing = threading.Lock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations: reads see what was there before the batch, and the last put of a key wins.

        Raises:
            InvalidNamespaceError: a label is empty, no string, or has a period in it.
            TypeError: a value that is not JSON.
            ValueError: an unknown operation, a put with a TTL, a value with NaN, a negative limit or offset, or no user
                for a namespace.
        """
        asked = list(ops)
        for op in asked:
            _check(op)
        users = [self._user(op) for op in asked]
        seen: dict[str, list[Thought]] = {}
        puts: dict[tuple[str, Namespace, str], PutOp] = {}
        results: list[Result] = []
        for user, op in zip(users, asked, strict=True):
            if isinstance(op, PutOp):
                puts[user, tuple(op.namespace), op.key] = op
                results.append(None)
            elif isinstance(op, GetOp):
                results.append(self._get(user, op))
            else:
                if user not in seen:
                    seen[user] = self.memory.list(user_id=user, limit=sys.maxsize)
                all_of = seen[user]
                results.append(self._search(user, op, all_of) if isinstance(op, SearchOp) else _namespaces(op, all_of))
        if puts:
            with self._writing:
                self._write(puts)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As :meth:`batch`, in a thread (which sees the run's context)."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _user(self, op: Op) -> str:
        if self._user_of is None:
            user = self._user_id() if callable(self._user_id) else self._user_id
        else:
            path = _path(op)
            try:
                user = self._user_of(path)
            except LookupError as problem:
                hint = "Give a namespace or prefix that is long enough for user_of."
                raise ValueError(f"The namespace {path} does not say whose it is. {hint}") from problem
        user_key(user)  # type: ignore[arg-type]
        return str(user)

    def _get(self, user: str, op: GetOp) -> Item | None:
        found = self._stored(user, item_id(op.namespace, op.key))
        return None if found is None else Item(**_parts(found))

    def _stored(self, user: str, thought_id: str) -> StoredItem | None:
        try:
            return stored_item(self.memory.get(thought_id, user_id=user))
        except KeyError:
            return None

    def _search(self, user: str, op: SearchOp, thoughts: Sequence[Thought]) -> list[SearchItem]:
        prefix = tuple(op.namespace_prefix)
        items = [item for item in _items(thoughts) if item.namespace[: len(prefix)] == prefix]
        items.sort(key=lambda item: item.updated, reverse=True)
        if op.filter:
            items = [item for item in items if _fits(item.data(), op.filter)]
        scores: dict[str, float | None] = {item.id: None for item in items}
        if op.query and op.query.strip() and items:
            hits = self.memory.search(op.query, user_id=user, k=len(thoughts))
            scores = {hit.thought.id: hit.score for hit in hits}
            by_id = {item.id: item for item in items}
            found = [by_id[hit] for hit in scores if hit in by_id and by_id[hit].indexed]
            items = found + [item for item in items if not item.indexed]
        return [
            SearchItem(**_parts(item), score=scores.get(item.id) if item.indexed else None)
            for item in items[op.offset : op.offset + op.limit]
        ]

    def _write(self, puts: Mapping[tuple[str, Namespace, str], PutOp]) -> None:
        made: dict[str, list[Thought]] = {}
        gone: dict[str, list[str]] = {}
        for (user, namespace, key), op in puts.items():
            if op.value is None:
                gone.setdefault(user, []).append(item_id(namespace, key))
                continue
            value = _checked(op)
            before = self._stored(user, item_id(namespace, key))
            thought = item_thought(
                namespace, key, value, self._texts(value, op), user_id=user, created=before.created if before else ""
            )
            made.setdefault(user, []).append(thought)
        for user, ids in gone.items():
            self.memory.forget(ids=ids, user_id=user, hard=self.hard_delete)
        for user, thoughts in made.items():
            self.memory.import_((thought.to_json() for thought in thoughts), user_id=user)

    def _texts(self, value: dict[str, Any], op: PutOp) -> list[str]:
        paths = () if op.index is False else self.fields if op.index is None else op.index
        return [text for path in paths for text in get_text_at_path(value, path)]


def _check(op: Op) -> None:
    if not isinstance(op, GetOp | SearchOp | PutOp | ListNamespacesOp):
        raise ValueError(f"Unknown operation: {type(op).__name__}. Use GetOp, SearchOp, PutOp or ListNamespacesOp.")
    validate_op_namespace(op)
    if isinstance(op, PutOp) and op.ttl is not None:
        hint = "Leave ttl out, and delete the item when its time is over."
        raise ValueError(f"LangGraphStore keeps items until they are deleted; it has no TTL. {hint}")
    if isinstance(op, SearchOp | ListNamespacesOp) and min(op.limit, op.offset) < 0:
        raise ValueError("limit and offset must not be negative.")


def _checked(op: PutOp) -> dict[str, Any]:
    if not isinstance(op.value, Mapping):
        hint = 'Put a dictionary, such as {"text": "..."}.'
        raise TypeError(f"The value of {op.key!r} is a {type(op.value).__name__}. {hint}")
    try:
        return json_value(op.value)
    except RecursionError as problem:
        raise ValueError(f"The value of {op.key!r} is nested too deep to be kept; make it flatter.") from problem


def _path(op: Op) -> Namespace:
    if isinstance(op, ListNamespacesOp):
        prefixes = [tuple(one.path) for one in op.match_conditions or () if one.match_type == "prefix"]
        path: Namespace = max(prefixes, key=len, default=())
        return path[: path.index("*")] if "*" in path else path
    return tuple(op.namespace_prefix if isinstance(op, SearchOp) else op.namespace)


def _items(thoughts: Iterable[Thought]) -> list[StoredItem]:
    return [item for thought in thoughts if (item := stored_item(thought)) is not None]


def _fits(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(fits_filter(value.get(name), want) for name, want in wanted.items())


def _namespaces(op: ListNamespacesOp, thoughts: Iterable[Thought]) -> list[Namespace]:
    found = {
        item.namespace[: op.max_depth]
        for item in _items(thoughts)
        if all(fits_path(item.namespace, one.path, one.match_type) for one in op.match_conditions or ())
    }
    return sorted(found)[op.offset : op.offset + op.limit]


def _parts(item: StoredItem) -> dict[str, Any]:
    return {
        "namespace": item.namespace,
        "key": item.key,
        "value": item.data(),
        "created_at": datetime.fromisoformat(item.created),
        "updated_at": datetime.fromisoformat(item.updated),
    }
