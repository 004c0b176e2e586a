"""The memory of one folder: many users, each with their own thoughts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

from bethink.memory.extract import MAX_READ, Extractor, Fact, Message, NullExtractor, to_messages
from bethink.memory.forgetting import fits_query, meant, to_forget
from bethink.memory.journal import EVERYTHING, Step, change_of
from bethink.memory.keeper import Keeper
from bethink.memory.learn import checked_text, draft, plan
from bethink.memory.merging import merge_of, merge_steps, mergeable
from bethink.memory.reading.meaning import Nearness
from bethink.memory.recall import checked_weights
from bethink.memory.rule_extract import RuleExtractor
from bethink.memory.shelf import within_tokens
from bethink.memory.store import ThoughtStore, user_key
from bethink.memory.thought import MAX_TEXT, Change, ForgetReport, Hit, Thought, check_metadata, clean_text
from bethink.memory.times import Timestamp, as_datetime, to_iso
from bethink.memory.trained_decide import NEAR, Weigh, with_ended
from bethink.memory.trained_extract import TrainedExtractor
from bethink.memory.transfer import differing, export_lines, import_steps, read_lines
from bethink.memory.updating import nearest, settle
from bethink.models.embedder import Embedder

Changes = list[Change]  # named here because the class has a method called ``list``
Hits = list[Hit]
Facts = list[Fact]
Thoughts = list[Thought]
RecallMode = Literal["auto", "exact", "hnsw", "paper"]
ConflictPolicy = Literal["supersede", "paper", "keep_both"]


class ThoughtMemory:
    """Thoughts kept in a folder, recalled by meaning and by words, forgotten and merged with a way back.

    Only one process may hold the folder (see :class:`bethink.memory.errors.MemoryLockedError`). Methods may be
    called from many threads; writes of one user follow one another. Users are told apart by ``user_id`` alone and
    nothing crosses. Every change is in the journal before it is made. The embedder is not loaded before it is needed.

    ``recall_mode``: ``auto`` (all channels of :mod:`bethink.memory.recall`), ``exact`` (cosine), ``hnsw`` (cosine by a
    graph, for very many), ``paper`` (the hash of Eq. 1, one bucket). ``weights`` are those of the channels of ``auto``.
    ``conflict_policy``: a newer value takes the older one's place (``supersede``), a preference stated both ways is
    dropped altogether (``paper``, as in Think-in-Memory; ``undo`` brings it back), or both stay (``keep_both``).
    ``n_buckets`` and ``seed`` fix the hash when the folder is made. Thoughts are in the folder, or in a ``store``
    such as :func:`bethink.memory.server.chroma_server` gives. ``lock`` is a file to hold in place of the folder's own.
    ``weigh`` is a model that says which thought a new one takes the place of (:mod:`bethink.memory.trained_decide`).

    Raises:
        MemoryFolderError: the folder cannot be written or read.
        MemoryLockedError: somebody else has it open.
        EmbedderMismatchError: it was written with another embedder, seed or number of buckets.
    """

    def __init__(
        self,
        folder: str | Path,
        embedder: Embedder,
        *,
        extractor: Extractor | None = None,
        recall_mode: RecallMode = "auto",
        conflict_policy: ConflictPolicy = "supersede",
        k: int = 5,
        weights: dict[str, float] | None = None,
        n_buckets: int = 16,
        seed: int = 0,
        store: ThoughtStore | None = None,
        lock: str | Path | None = None,
        weigh: Weigh | None = None,
    ) -> None:
        if recall_mode not in get_args(RecallMode):
            raise ValueError(f"recall_mode must be one of {', '.join(get_args(RecallMode))}, not {recall_mode!r}.")
        if conflict_policy not in get_args(ConflictPolicy):
            known = ", ".join(get_args(ConflictPolicy))
            raise ValueError(f"conflict_policy must be one of {known}, not {conflict_policy!r}.")
        self.embedder, self.extractor = embedder, extractor or RuleExtractor()
        self.weigh = weigh
        self._near = Nearness(embedder)
        self.recall_mode, self.conflict_policy, self.k = recall_mode, conflict_policy, k
        self.weights = checked_weights(weights)
        self._keeper = Keeper(folder, embedder, n_buckets, seed, store, lock)
        self.folder, self.lsh = self._keeper.place.path, self._keeper.place.lsh

    # Writing

    def add(
        self,
        messages: Any,
        *,
        user_id: str,
        agent_id: str | None = None,
        session_id: str | None = None,
        turn_id: str | None = None,
        timestamp: Timestamp = None,
        infer: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> Changes:
        """Learn from a text or messages (see :func:`bethink.memory.extract.to_messages`); returns what changed.

        With ``infer=False`` the turns are kept as they are. A repeated call with the same ``turn_id`` changes nothing.
        """
        user, extra = user_key(user_id), check_metadata(metadata)
        said = to_messages(messages, timestamp=timestamp, turn_id=turn_id)
        facts = (self.extractor if infer else NullExtractor()).extract(said)
        if infer and isinstance(self.extractor, (RuleExtractor, TrainedExtractor)):
            facts = self._settled(user, facts, said)
        if infer and self.weigh is not None:
            facts = with_ended(facts, said, self._beside(user, facts), self.weigh)
        drafts = [(draft(fact, said[fact.source], user_id, agent_id, session_id, extra), fact) for fact in facts]
        changes = self._learn(user, drafts, turn_id)
        texts = [messages] if isinstance(messages, str) else []
        if any(len(text) > MAX_READ for text in texts):
            reason = f"only the first {MAX_READ:,} of {len(texts[0]):,} characters were read"
            changes.append(Change("noop", "", "", None, reason))
        return changes

    def insert(
        self,
        text: str,
        *,
        user_id: str,
        agent_id: str | None = None,
        session_id: str | None = None,
        turn_id: str | None = None,
        timestamp: Timestamp = None,
        metadata: dict[str, Any] | None = None,
        triple: tuple[str, str, str] | None = None,
    ) -> Change:
        """Keep one sentence as it is. With a ``triple`` it takes part in conflict decisions.

        Raises:
            ValueError: the text is blank or longer than a thought may be.
        """
        said = Message("user", checked_text(text), as_datetime(timestamp), turn_id=turn_id)
        subject, relation, obj = triple or (None, None, None)
        fact = Fact(said.content, subject, relation, obj)
        thought = draft(fact, said, user_id, agent_id, session_id, check_metadata(metadata))
        return self._learn(user_key(user_id), [(thought, fact)], turn_id)[0]

    def update(self, id: str, text: str, *, user_id: str) -> Change:
        """Change a thought's text (its triple is read again); the old text stays in the history.

        Raises:
            KeyError: no such thought. ValueError: the text is blank or too long.
        """
        text = checked_text(text)
        user = user_key(user_id)
        with self._keeper.lock(user):
            before = self._keeper.known(user, id)
            if before.text == text:
                return Change("noop", id, text, None, "the text is the same")
            facts = RuleExtractor().extract(to_messages(text, timestamp=before.created_at))
            fact = facts[0] if len(facts) == 1 else Fact(text)
            after = replace(before, text=text, subject=fact.subject, relation=fact.relation, object=fact.object)
            vector, bucket = self._keeper.embed([after])
            step = Step("edit", id, before, replace(after, bucket=bucket[0]), "edited", vector[0])
            return self._keeper.write(user, [step])[0]

    def forget(
        self,
        *,
        user_id: str,
        ids: Iterable[str] | None = None,
        query: str | None = None,
        before: Timestamp = None,
        turn_id: str | None = None,
        hard: bool = False,
        dry_run: bool = False,
    ) -> ForgetReport:
        """Forget the active thoughts that fit every selector given; ``dry_run`` only counts.

        ``query`` is a request or a topic (see :func:`bethink.memory.forgetting.fits_query`). ``before`` fits what was
        true before that date. Soft by default (``undo`` brings it back); ``hard`` deletes it from store, index
        and journal, inactive thoughts too.

        Raises:
            ValueError: no selector (use :meth:`delete_user` to forget everything).
        """
        if ids is None and query is None and before is None and turn_id is None:
            raise ValueError("Say what to forget: ids, query, before or turn_id. delete_user forgets everything.")
        user, limit = user_key(user_id), None if before is None else to_iso(before)
        wanted = None if ids is None else {ids} if isinstance(ids, str) else set(ids)
        query = None if query is None else meant(clean_text(query)[:MAX_TEXT])
        vector = self.embedder.embed([query])[0] if query and query.strip() else None
        with self._keeper.lock(user):
            shelf = self._keeper.shelf(user)
            fits = None if query is None else (lambda thought: False)
            if query is not None and vector is not None and shelf.thoughts:
                fits = fits_query(shelf, query, vector)
            found = to_forget(
                shelf.thoughts.values(), ids=wanted, fits=fits, before=limit, turn_id=turn_id, inactive_too=hard
            )
            chosen = tuple(thought.id for thought in found)
            if dry_run or not found:
                return ForgetReport(len(found), 0, chosen, None)
            now = to_iso()
            if hard:
                self._keeper.write(user, [Step("forget", thought.id, None, None, "erased") for thought in found])
                return ForgetReport(len(found), len(found), chosen, None)
            steps = [
                Step("forget", thought.id, thought, replace(thought, invalid_at=now), "forgotten") for thought in found
            ]
            token = self._keeper.write(user, steps)[0].token
            return ForgetReport(len(found), len(found), chosen, token)

    def undo(self, token: str, *, user_id: str, dry_run: bool = False) -> Changes:
        """Take back one batch of changes; what was changed or erased since is left alone (``noop``, with the reason).

        ``dry_run`` only says what would be done.

        Raises:
            ValueError: no such batch of this user, or all of it was deleted for good.
        """
        user = user_key(user_id)
        with self._keeper.lock(user):
            steps = self._keeper.journal.steps(token, user)
            if not steps:
                raise ValueError("There is nothing to undo under that token; history() shows the tokens of a thought.")
            if all(step.after is None for step in steps):
                raise ValueError("That was deleted for good and cannot be brought back.")
            return self._keeper.undo(user, steps, dry_run)

    def revert_turn(self, turn_id: str, *, user_id: str) -> Changes:
        """Take back all that a turn wrote, as when it is retried or edited: what it replaced comes back too."""
        user = user_key(user_id)
        with self._keeper.lock(user):
            batches = [
                self._keeper.journal.steps(token, user)
                for token in reversed(self._keeper.journal.turn_tokens(turn_id, user))
            ]
            done = [self._keeper.undo(user, steps) for steps in batches if all(step.after for step in steps)]
            return [change for changes in done for change in changes if change.op != "noop"]

    def merge(self, *, user_id: str, bucket: int | None = None, dry_run: bool = False) -> Changes:
        """Put thoughts of the same subject and additive relation into one sentence each; one change a group.

        The originals become inactive and are named in ``merged_from``; dates and source turns are united.
        """
        user = user_key(user_id)
        with self._keeper.lock(user):
            shelf = self._keeper.shelf(user)
            groups = mergeable(shelf.thoughts.values(), bucket)
            merged = [merge_of(group) for group in groups]
            olds = [" | ".join(thought.text for thought in group) for group in groups]
            if not merged or dry_run:
                pairs = zip(merged, olds, strict=True)
                return [Change("merge", thought.id, thought.text, old, "would be merged") for thought, old in pairs]
            vectors, buckets = self._keeper.embed(merged)
            ready = [replace(thought, bucket=bucket) for thought, bucket in zip(merged, buckets, strict=True)]
            steps = merge_steps(ready, vectors, groups, shelf.thoughts)
            by_id = {change.id: change for change in self._keeper.write(user, steps)}
            return [replace(by_id[thought.id], old=old) for thought, old in zip(merged, olds, strict=True)]

    def import_(self, lines: Iterable[str], *, user_id: str, dry_run: bool = False) -> Changes:
        """Take in the lines of :meth:`export`, for this user whoever wrote them. All or nothing.

        One change a thought: ``insert`` where it is new, ``edit`` where it differs from the one of its id, ``noop``
        where it is here already. ``dry_run`` only says what would be done, without the embedder.

        Raises:
            BadLinesError: naming the lines that are no thoughts; nothing was written.
        """
        user = user_key(user_id)
        thoughts = read_lines(lines, user_id)
        with self._keeper.lock(user):
            known = self._keeper.shelf(user).thoughts
            other = differing(thoughts, known)
            planned = import_steps(other, [None] * len(other), known)
        changes = [change_of(step, token="", at="") for step in planned]
        if not dry_run:
            vectors, buckets = self._keeper.embed(other)
            ready = [replace(thought, bucket=bucket) for thought, bucket in zip(other, buckets, strict=True)]
            with self._keeper.lock(user):
                changes = self._keeper.write(user, import_steps(ready, vectors, self._keeper.shelf(user).thoughts))
        done = {change.id: change for change in changes}
        same = "already here"
        return [done.get(one.id) or Change("noop", one.id, one.text, None, same) for one in thoughts]

    def delete_user(self, user_id: str) -> ForgetReport:
        """Delete all a user has, from store, index and journal, for good."""
        user = user_key(user_id)
        with self._keeper.lock(user):
            ids = tuple(self._keeper.shelf(user).thoughts)
            if ids or self._keeper.journal.knows(user):
                self._keeper.write(user, [Step("forget", EVERYTHING, None, None, "user deleted")])
            return ForgetReport(len(ids), len(ids), ids, None)

    # Reading

    def search(
        self,
        query: str,
        *,
        user_id: str,
        k: int | None = None,
        as_of: Timestamp = None,
        include_inactive: bool = False,
        min_score: float | None = None,
        max_tokens: int | None = None,
    ) -> Hits:
        """The thoughts that fit a query best, best first.

        ``as_of`` asks what held at that time; ``min_score`` is a least cosine; ``max_tokens`` stops the list before
        its texts pass that many tokens (counted as UTF-8 bytes / 4). An empty memory or query gives [] at once.
        """
        user, count, query = user_key(user_id), self.k if k is None else k, clean_text(query)
        if count < 1:
            raise ValueError("k must be at least 1.")
        when = None if as_of is None else to_iso(as_of)
        with self._keeper.lock(user):
            if not query or not self._keeper.shelf(user).thoughts:
                return []
        vector = self.embedder.embed([query[:MAX_TEXT]])[0]
        with self._keeper.lock(user):
            hits = self._keeper.shelf(user).search(
                query[:MAX_TEXT],
                vector,
                count,
                mode=self.recall_mode,
                weights=self.weights,
                as_of=when,
                include_inactive=include_inactive,
                min_score=min_score,
            )
        return hits if max_tokens is None else within_tokens(hits, max_tokens)

    def list(
        self, *, user_id: str, query: str = "", include_inactive: bool = False, limit: int = 500, offset: int = 0
    ) -> Thoughts:
        """Thoughts, newest first; ``query`` keeps those whose text holds it, whatever the case. Needs no embedder."""
        user, wanted = user_key(user_id), clean_text(query).casefold()
        with self._keeper.lock(user):
            found = [
                thought
                for thought in self._keeper.shelf(user).thoughts.values()
                if (include_inactive or thought.active) and wanted in thought.text.casefold()
            ]
        found.sort(key=lambda thought: (thought.created_at, thought.id), reverse=True)
        return found[max(offset, 0) : max(offset, 0) + max(limit, 0)]

    def get(self, id: str, *, user_id: str) -> Thought:
        """One thought of this user, active or not.

        Raises:
            KeyError: this user has no such thought.
        """
        user = user_key(user_id)
        with self._keeper.lock(user):
            return self._keeper.known(user, id)

    def history(self, id: str, *, user_id: str) -> Changes:
        """All that happened to a thought, oldest first, each with the token that takes it back."""
        return self._keeper.journal.history(id, user_key(user_id))

    def export(self, *, user_id: str) -> Iterator[str]:
        """All thoughts of a user as JSON lines, inactive ones too."""
        user = user_key(user_id)
        with self._keeper.lock(user):
            thoughts = [*self._keeper.shelf(user).thoughts.values()]
        return export_lines(thoughts)

    def stats(self, *, user_id: str) -> dict[str, Any]:
        """Counts of this user's thoughts, and facts about the folder (its bytes are those of all users)."""
        user = user_key(user_id)
        with self._keeper.lock(user):
            active = sum(thought.active for thought in self._keeper.shelf(user).thoughts.values())
            total = len(self._keeper.shelf(user).thoughts)
        counts = {"thoughts": total, "active": active, "inactive": total - active}
        return {
            **counts,
            "recall_mode": self.recall_mode,
            "conflict_policy": self.conflict_policy,
            **self._keeper.place.stats(),
        }

    def revision(self, *, user_id: str) -> int:
        """A number that changes whenever this user's thoughts do."""
        return self._keeper.journal.revision(user_key(user_id))

    def close(self) -> None:
        """Let go of the folder. Calling it twice is fine."""
        self._keeper.close()

    def __enter__(self) -> ThoughtMemory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settled(self, user: str, facts: Sequence[Fact], said: Sequence[Message]) -> Facts:
        with self._keeper.lock(user):
            shelf = self._keeper.shelf(user)
            return settle(facts, said, shelf.known.valued(), self._near, partial(nearest, shelf))

    def _beside(self, user: str, facts: Sequence[Fact]) -> Sequence[Thoughts]:
        """Of each fact, the active thoughts that are like it."""
        if not facts:
            return []
        vectors = self.embedder.embed([fact.text for fact in facts])
        with self._keeper.lock(user):
            shelf = self._keeper.shelf(user)
            return [[one for one, its in nearest(shelf, vector) if vector @ its >= NEAR] for vector in vectors]

    def _learn(self, user: str, drafts: Sequence[tuple[Thought, Fact]], turn: str | None) -> Changes:
        vectors, buckets = self._keeper.embed([thought for thought, _ in drafts])
        ready = [
            (replace(thought, bucket=bucket), fact, vector)
            for (thought, fact), bucket, vector in zip(drafts, buckets, vectors, strict=True)
        ]

        def taken_back(thought_id: str) -> bool:
            past = self._keeper.journal.history(thought_id, user)
            return bool(past) and past[-1].op == "undo"

        with self._keeper.lock(user):
            shelf = self._keeper.shelf(user)
            steps, changes = plan(ready, shelf.thoughts, shelf.known, self.conflict_policy, taken_back)
            written = self._keeper.write(user, steps, turn)
        if not written:
            return changes
        stamp = written[0]
        return [
            change if change.op == "noop" else replace(change, token=stamp.token, at=stamp.at) for change in changes
        ]
