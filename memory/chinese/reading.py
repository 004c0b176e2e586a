"""Messages in Chinese to facts: of the speaker's own life, and of the things that are talked about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bethink.memory.chinese.dates import chinese_dates, with_chinese_dates_written
from bethink.memory.chinese.own import Own, Who, is_past, named, read_own, subject_of
from bethink.memory.chinese.text import Clause, opened, sentences, small_talk
from bethink.memory.chinese.things import Talk
from bethink.memory.extract import Fact, Message
from bethink.memory.redact import REMOVED
from bethink.memory.thought import Scalar
from bethink.memory.times import to_iso

MAX_FACTS = 50
"""Facts taken from one message."""
_SHORTEST = 5
"""Characters of a sentence that is kept without a triple."""


class ChineseReader:
    """Reads the messages of one talk in turn; what the talk is about is carried from one to the next.

    A thing's fact is written out ("龙猫的导演是宫崎骏。"), since its sentence often does not name the thing; a fact of
    the speaker keeps the speaker's words.
    """

    def __init__(self) -> None:
        self._talk = Talk()

    def read(self, message: Message, source: int) -> list[Fact]:
        """The facts of one message, which is number ``source``. Cost: linear in the text."""
        facts: list[Fact] = []
        who: Who | None = None
        for clauses in sentences(message.content):
            clauses = [Clause(opened(clause.text), clause.asks, clause.wondered) for clause in clauses]
            clauses = [clause for clause in clauses if clause.text and REMOVED not in clause.text]
            own, who = _own(clauses, who, message.said, source)
            things = self._talk.read(clauses)
            facts += own
            if all(fact.subject == "user" for fact in own):  # else "她" is the speaker's sister
                facts += [
                    Fact(f"{thing.entity}的{thing.attribute}是{thing.value}。", *thing.triple, source=source)
                    for thing in things
                ]
            if not own and not things and (kept := _kept(clauses)):
                facts.append(_dated(kept, None, message.said, source))
        return facts[:MAX_FACTS]


def _own(clauses: Sequence[Clause], who: Who | None, said: datetime, source: int) -> tuple[list[Fact], Who | None]:
    """The facts of the speaker's life in a sentence, and whom it was about last."""
    facts = []
    unreal = False
    for clause in clauses:
        found = subject_of(clause.text, who)
        who = found.who if found else None
        unreal = unreal or (not clause.claims and not clause.asks)
        if found is None or unreal or clause.asks or not clause.claims or is_past(clause.text):
            continue
        if fact := read_own(found.who.name, found.phrase):
            text = clause.text if found.said else f"{found.who.said}{found.phrase}"
            facts.append(_dated(text, fact, said, source))
            who = named(found.who, fact)
    return facts, who


def _kept(clauses: Sequence[Clause]) -> str:
    """A sentence of the speaker's own life that no pattern reads, as it was said; "" for any other."""
    if not clauses or not all(clause.claims for clause in clauses) or small_talk(clauses[0].text):
        return ""
    found = subject_of(clauses[0].text, None)
    text = "，".join(clause.text for clause in clauses)
    return text if found and len(text) >= _SHORTEST else ""


def _dated(text: str, own: Own | None, said: datetime, source: int) -> Fact:
    mentions = chinese_dates(text, said.date())
    metadata: dict[str, Scalar] = {"kin": own.kin} if own and own.kin else {}
    valid_at = None
    if mentions and not (own and own.relation.startswith("birth")):
        first, last = mentions[0].first, mentions[0].last
        metadata["when"] = first.isoformat()
        valid_at = to_iso(first) if first <= said.date() and not first < said.date() <= last else None
    text = f"{with_chinese_dates_written(text, said.date())}。"
    if own is None:
        return Fact(text, valid_at=valid_at, source=source, metadata=metadata)
    return Fact(text, own.subject, own.relation, own.object, valid_at, own.replaces, source, metadata)
