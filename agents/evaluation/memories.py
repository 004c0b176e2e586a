"""The memories that can be evaluated, ours and others', behind one face. Each is opened in a folder to be thrown away.

What is remembered of a conversation is one of :data:`WHATS`: its turns, the facts that the rules find in them, the
thoughts that came with the set, or turns and one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bethink.agents.evaluation.conversations import (
    Conversation,
    EvaluationError,
    Learned,
    by_session,
    remember_thoughts,
    remember_turns,
    spoken,
)

if TYPE_CHECKING:
    from bethink.memory import ThoughtMemory
    from bethink.memory.memory import ConflictPolicy, RecallMode
    from bethink.models.embedder import Embedder

WHATS = ("turns", "rules", "rules+turns", "given", "given+turns")


@dataclass(frozen=True)
class Item:
    """A text to remember or a recalled one: its id in the memory, when it was said, and the turns it was drawn from."""

    id: str
    text: str
    at: str
    sources: tuple[str, ...]

    @property
    def day(self) -> str:
        """``YYYY-MM-DD``."""
        return self.at[:10]


class Remembering(Protocol):
    """A memory under evaluation; several people's conversations go into it, told apart by ``user``."""

    def add(self, conversation: Conversation, what: str) -> int:
        """Remember a conversation (or a session of it) as its user's; returns how many items hold on top of before."""
        ...

    def recall(self, user: str, question: str, k: int) -> list[Item]:
        """What comes to mind, best first; at most ``k``, unless the memory cannot choose."""
        ...

    def forget(self, user: str, ids: Sequence[str]) -> None:
        """Delete items for good."""
        ...

    def held(self, user: str) -> list[Item]:
        """All that is remembered of a user."""
        ...


def items(conversation: Conversation, what: str) -> list[Item]:
    """What a memory without understanding is given of a conversation: texts with the speaker and the day in them."""
    from bethink.memory import RuleExtractor
    from bethink.memory.extract import to_messages

    found: list[Item] = []

    def keep(text: str, session: str, at: str, sources: tuple[str, ...]) -> None:
        found.append(Item(f"{session}#{len(found)}", f"({_written(at)}) {text}", at, sources))

    for turns in by_session(conversation).values():
        if "rules" in what:
            for fact in RuleExtractor().extract(to_messages([spoken(turn) for turn in turns])):
                turn = turns[fact.source]
                keep(fact.text, turn.session, turn.at, (turn.id,))
        if "turns" in what:
            for turn in turns:
                keep(f"{turn.speaker}: {turn.text}", turn.session, turn.at, (turn.id,))
    for thought in conversation.thoughts if "given" in what else ():
        keep(thought.text, thought.session, thought.at, thought.sources)
    return found


def _written(at: str) -> str:
    from bethink.memory.times import as_datetime, written_date

    return written_date(as_datetime(at).date())


def parts(conversation: Conversation) -> Iterator[Conversation]:
    """The conversation a session at a time, as it would be remembered while it goes on."""
    turns = by_session(conversation)
    thoughts: dict[str, list[Learned]] = {}
    for thought in conversation.thoughts:
        thoughts.setdefault(thought.session, []).append(thought)
    for session in dict.fromkeys([*turns, *thoughts]):
        own = tuple(thoughts.get(session, ()))
        yield replace(conversation, turns=tuple(turns.get(session, ())), thoughts=own)


def checked(conversation: Conversation, what: str) -> None:
    """Refuse what cannot be remembered of a conversation.

    Raises:
        EvaluationError: ``what`` is none of :data:`WHATS`, or asks for thoughts or turns that the set does not have.
    """
    if what not in WHATS:
        raise EvaluationError(f"Nothing is remembered as {what!r}. Choose one of: {', '.join(WHATS)}.")
    if "given" in what and not conversation.thoughts:
        raise EvaluationError(f"{conversation.id} comes with no thoughts. Choose turns, rules or rules+turns.")
    if what != "given" and not conversation.turns:
        raise EvaluationError(f"{conversation.id} has thoughts and no turns. Choose given.")


class Thoughts:
    """The product's memory, through its own ``add`` and ``search``."""

    def __init__(self, memory: ThoughtMemory) -> None:
        self.memory = memory

    def add(self, conversation: Conversation, what: str) -> int:
        """See :class:`Remembering`."""
        user = conversation.id
        before = int(self.memory.stats(user_id=user)["active"])
        if "rules" in what:
            for session, turns in by_session(conversation).items():
                self.memory.add([spoken(turn) for turn in turns], user_id=user, session_id=session)
        if "turns" in what:
            remember_turns(self.memory, conversation, user)
        if "given" in what:
            remember_thoughts(self.memory, conversation.thoughts, user)
        return int(self.memory.stats(user_id=user)["active"]) - before

    def recall(self, user: str, question: str, k: int) -> list[Item]:
        """See :class:`Remembering`."""
        return [_of(hit.thought) for hit in self.memory.search(question, user_id=user, k=k)]

    def forget(self, user: str, ids: Sequence[str]) -> None:
        """See :class:`Remembering`: a hard deletion."""
        self.memory.forget(user_id=user, ids=ids, hard=True)

    def held(self, user: str) -> list[Item]:
        """See :class:`Remembering`: what holds and what does not any more."""
        return [_of(thought) for thought in self.memory.list(user_id=user, include_inactive=True, limit=10**9)]


def _of(thought: object) -> Item:
    return Item(thought.id, thought.text, thought.valid_at or thought.created_at, thought.source_turns)  # type: ignore[attr-defined]


class Listed:
    """A list of texts a user; a function of (question, texts) says which come to mind, in which order."""

    def __init__(self, choose: Callable[[str, list[Item], int], list[Item]]) -> None:
        self._choose, self._items = choose, dict[str, dict[str, Item]]()

    def add(self, conversation: Conversation, what: str) -> int:
        """See :class:`Remembering`."""
        found = items(conversation, what)
        self._items.setdefault(conversation.id, {}).update((item.id, item) for item in found)
        return len(found)

    def recall(self, user: str, question: str, k: int) -> list[Item]:
        """See :class:`Remembering`."""
        return self._choose(question, self.held(user), k)

    def forget(self, user: str, ids: Sequence[str]) -> None:
        """See :class:`Remembering`."""
        for ident in ids:
            self._items[user].pop(ident, None)

    def held(self, user: str) -> list[Item]:
        """See :class:`Remembering`."""
        return list(self._items.get(user, {}).values())


class Oracle(Listed):
    """What a perfect recall would give: the texts that hold a question's evidence, in the order they were said."""

    def __init__(self) -> None:
        super().__init__(self._evidence)
        self._cited: dict[str, set[str]] = {}

    def add(self, conversation: Conversation, what: str) -> int:
        """See :class:`Remembering`."""
        for question in conversation.questions:
            self._cited.setdefault(question.text, set()).update(question.evidence)
        return super().add(conversation, what)

    def _evidence(self, question: str, held: list[Item], k: int) -> list[Item]:
        cited = self._cited.get(question, set())
        return [item for item in held if cited.intersection(item.sources)]


def _nothing(question: str, held: list[Item], k: int) -> list[Item]:
    return []


def _everything(question: str, held: list[Item], k: int) -> list[Item]:
    return sorted(held, key=lambda item: item.at)


def _by_words() -> Callable[[str, list[Item], int], list[Item]]:
    from bethink.memory.lexical import BM25

    known: dict[tuple[str, ...], BM25] = {}

    def choose(question: str, held: list[Item], k: int) -> list[Item]:
        texts = tuple(item.text for item in held)
        if texts not in known:
            known.clear()
            known[texts] = BM25()
            for text in texts:
                known[texts].append(text)
        scores = known[texts].scores(question)
        best = sorted(range(len(held)), key=lambda place: -scores[place])[:k]
        return [held[place] for place in best if scores[place] > 0]

    return choose


@contextmanager
def _thoughts(mode: RecallMode, folder: Path, embedder: Embedder) -> Iterator[Remembering]:
    from bethink.memory import ThoughtMemory

    policy: ConflictPolicy = "paper" if mode == "paper" else "supersede"
    with ThoughtMemory(folder, embedder, recall_mode=mode, conflict_policy=policy) as memory:
        yield Thoughts(memory)


@contextmanager
def _listed(memory: Listed) -> Iterator[Remembering]:
    yield memory


def open_memory(name: str, folder: Path, embedder: Embedder) -> AbstractContextManager[Remembering]:
    """A memory by its name (one of :data:`MEMORIES`), empty, in an empty folder of its own.

    Raises:
        EvaluationError: there is none of that name, or its package is not installed.
    """
    from bethink.agents.evaluation import peers

    if name not in MEMORIES:
        raise EvaluationError(f"There is no memory {name!r}. Choose one of: {', '.join(MEMORIES)}.")
    modes: dict[str, RecallMode] = {"default": "auto", "paper": "paper", "exact": "exact", "hnsw": "hnsw"}
    if name in modes:
        return _thoughts(modes[name], folder, embedder)
    lists: dict[str, Callable[[], Listed]] = {
        "bm25": lambda: Listed(_by_words()),
        "none": lambda: Listed(_nothing),
        "full-context": lambda: Listed(_everything),
        "oracle": Oracle,
    }
    if name in lists:
        return _listed(lists[name]())
    return {"mem0": peers.mem0, "langgraph": peers.langgraph}[name](folder, embedder)


MEMORIES = {
    "default": "Bethink's memory, all channels",
    "exact": "Bethink's memory, cosine alone",
    "hnsw": "Bethink's memory, cosine by a graph",
    "paper": "Bethink's memory as Think-in-Memory has it: one bucket of its hash, opposites drop each other",
    "bm25": "words alone",
    "none": "no memory",
    "full-context": "all that was said, as much as the budget of tokens holds, the latest last",
    "oracle": "the texts that the set names as evidence: what a perfect recall would give",
    "mem0": "mem0 without a language model (infer=False), local Chroma; pip install mem0ai",
    "langgraph": "LangGraph's InMemoryStore",
}
