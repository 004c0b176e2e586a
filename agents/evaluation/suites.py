"""What is asked of a memory apart from questions: does it know what holds now, and is gone what was to be forgotten?"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bethink.agents.evaluation.contradictions import Asked, Ours, Triple, judge, load_contradictions
from bethink.agents.evaluation.conversations import Conversation, Said
from bethink.agents.evaluation.memories import Item, Remembering, Thoughts, parts
from bethink.agents.evaluation.runs import Row

FORGOTTEN, CONVERSATIONS = 10, 3
"""So many turns of each of so many conversations are forgotten."""
SEARCHED = 50
Open = Callable[[Path], AbstractContextManager[Remembering]]
Progress = Callable[[float, str], None]


class Plain:
    """Any memory behind the face that the contradiction set asks: it keeps all, and forgets what is nearest."""

    def __init__(self, memory: Remembering, user: str) -> None:
        self._memory, self._user, self._said = memory, user, list[str]()

    def add(self, text: str, date: str, triple: Triple | None) -> None:
        """See :class:`Asked`."""
        turn = Said(str(len(self._said)), str(len(self._said)), date, "user", text)
        self._said.append(text)
        self._memory.add(Conversation(self._user, (turn,), ()), "turns")

    def holds(self) -> list[str]:
        """See :class:`Asked`."""
        return self._texts(self._memory.held(self._user))

    def held(self) -> list[str]:
        """See :class:`Asked`: nothing is known as having ended."""
        return []

    def recall(self, question: str, as_of: str | None) -> list[str]:
        """See :class:`Asked`; the date does not matter to it."""
        return self._texts(self._memory.recall(self._user, question, 5))

    def forget(self, request: str) -> None:
        """See :class:`Asked`: the nearest goes."""
        self._memory.forget(self._user, [item.id for item in self._memory.recall(self._user, request, 1)[:1]])

    def _texts(self, items: Sequence[Item]) -> list[str]:
        return [self._said[int(item.sources[0])] for item in items]


def contradictions(
    open_memory: Open, done: Collection[tuple[str, str]], progress: Progress, cancel: threading.Event
) -> Generator[Row, None, None]:
    """Our set of updates, hard negatives, deletions and chains; the product reads them by its rules."""
    todo = [item for item in load_contradictions() if ("contradiction", f"{item['id']}/0") not in done]
    if not todo:
        return
    with tempfile.TemporaryDirectory(prefix="bethink-eval-") as place, open_memory(Path(place)) as memory:

        @contextmanager
        def opened(user: str) -> Iterator[Asked]:
            yield Ours(memory.memory, user, oracle=False) if isinstance(memory, Thoughts) else Plain(memory, user)

        for step, item in enumerate(todo):
            if cancel.is_set():
                return
            rows = [
                Row("contradiction", f"{found.item}/{number}", found.item, found.kind, {"right": float(found.right)})
                for number, found in enumerate(judge([item], opened))
            ]
            yield from reversed(rows)  # the first is written last: what was cut short is judged again
            progress((step + 1) / len(todo), item["id"])


def forgetting(
    conversations: Sequence[Conversation],
    open_memory: Open,
    what: str,
    done: Collection[tuple[str, str]],
    progress: Progress,
    cancel: threading.Event,
) -> Generator[Row, None, None]:
    """Forget for good all that some turns gave, then look for it: among what is recalled, what is held, on the disk.

    ``gone``: nothing drawn from the turn is recalled or held; ``others_kept``: everything else still is;
    ``off_disk``: no file in the memory's folder holds the text in any form (only where there are files).
    """
    todo = [each for each in conversations[:CONVERSATIONS] if ("forgetting", f"{each.id}/0") not in done]
    for number, conversation in enumerate(todo):
        user, judged = conversation.id, list[tuple[Row, list[str]]]()
        with tempfile.TemporaryDirectory(prefix="bethink-eval-") as place:
            with open_memory(Path(place)) as memory:
                for part in parts(conversation):
                    if cancel.is_set():
                        return
                    memory.add(part, what)
                kept = {item.id: item for item in memory.held(user)}
                for turn in _chosen(conversation, kept.values()):
                    if cancel.is_set():
                        return
                    gone = [item for item in kept.values() if turn in item.sources]
                    memory.forget(user, [item.id for item in gone])
                    kept = {ident: item for ident, item in kept.items() if item not in gone}
                    found = [*memory.recall(user, gone[0].text, SEARCHED), *memory.held(user)]
                    scores = {
                        "gone": float(not any(turn in item.sources for item in found)),
                        "others_kept": float({item.id for item in memory.held(user)} == set(kept)),
                    }
                    texts = [item.text for item in gone]
                    judged.append((Row("forgetting", f"{user}/{len(judged)}", user, "turn", scores), texts))
                others = [item.text for item in kept.values()]
            if folder_bytes(Path(place)):
                for row, texts in judged:
                    row.scores["off_disk"] = float(not _on_disk(Path(place), texts, others))
        yield from (row for row, _ in reversed(judged))
        progress((number + 1) / len(todo), user)


def _chosen(conversation: Conversation, held: Collection[Item]) -> list[str]:
    known = {turn for item in held for turn in item.sources}
    cited = [turn for question in conversation.questions for turn in question.evidence if turn in known]
    every = list(dict.fromkeys(cited)) or sorted(known)
    count = min(FORGOTTEN, len(every))
    return [every[place * len(every) // count] for place in range(count)]


def _on_disk(folder: Path, texts: Sequence[str], others: Sequence[str]) -> bool:
    from bethink.memory.bytescan import ByteScan, blocks, files_below, forms

    own = [text.split(") ", 1)[-1].split(": ", 1)[-1] for text in texts]
    needles = [
        form for text in own if len(text) > 12 and not any(text in each for each in others) for form in forms(text)
    ]
    scan = ByteScan(needles)
    return any(scan.count(block) for file in files_below(folder) for block in blocks(file, scan.longest))


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
