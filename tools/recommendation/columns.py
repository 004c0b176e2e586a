"""Which column of a catalogue, a log or a table of users is what: guessed from names and values, with reasons to show.

Names and cells are data: they are compared with lists of words and shown quoted, nothing in them is followed. What is
counted from users' actions (mean ratings, sales, views) is no feature of an item unless asked for: it would tell what a
test asks. Names and addresses of people are no features either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.findings import listed, quoted
from bethink.tools.frames import words_of
from bethink.tools.recommendation.column_names import (
    ANY_IDS,
    COUNTED,
    DOMAINS,
    IDENTIFIERS,
    IMAGES,
    ITEM_IDS,
    LABELS,
    NOUNS,
    PERSONAL,
    PROSE,
    QUERIES,
    TIMES,
    TITLES,
    USER_IDS,
)
from bethink.tools.recommendation.samples import Ints
from bethink.tools.recommendation.schema import KINDS, ROLES, EntityColumns, LogColumns, Schema, SchemaError, called
from bethink.tools.recommendation.values import Facts, facts_of, some_rows, texts_of

if TYPE_CHECKING:
    import pandas as pd

MOST_DOMAINS = 50
MOST_LEVELS = 20_000
FEW_NUMBERS = 10
"""Whole numbers with at most so many values are levels."""
_COUNTED, _PERSONAL = frozenset(COUNTED.split()), frozenset(PERSONAL.split())
_IMAGES, _IDENTIFIERS = frozenset(IMAGES.split()), frozenset(IDENTIFIERS.split())
_WRITTEN = f"{TITLES} {PROSE}".split()


def guess_schema(
    items: pd.DataFrame,
    log: pd.DataFrame | None = None,
    users: pd.DataFrame | None = None,
    *,
    stated: Mapping[str, str | Sequence[str]] | None = None,
) -> Schema:
    """Give each role the column whose name and values fit best; on 5,000 rows of each table, ids on all.

    Args:
        items: the catalogue, as :func:`bethink.tools.frames.read_frame` gives it.
        log: who took what.
        users: what is known of users.
        stated: what is known, by table and use: ``{"log.user": "who", "items.texts": ("title", "plot"),
            "log.time": ""}``; an empty value says that there is none.

    Raises:
        SchemaError: ``no_column`` for a stated column or use that is not there, ``no_item``, ``no_user``, ``no_id``
            where none was found.

    Example:
        >>> import pandas as pd
        >>> items = pd.DataFrame({"sku": ["a", "b"], "title": ["A red lamp", "A blue chair"], "sold": [3, 4]})
        >>> log = pd.DataFrame({"customer": [1, 1], "sku": ["a", "b"], "clicked": [1, 0]})
        >>> schema = guess_schema(items, log)
        >>> schema.items.id, schema.items.texts, schema.log.user, schema.log.label
        ('sku', ('title',), 'customer', 'clicked')
        >>> schema.left_out["items", "sold"]
        'its name says that it is counted from what users did'
    """
    tables = {"items": items, **({} if log is None else {"log": log}), **({} if users is None else {"users": users})}
    known = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in (stated or {}).items()}
    _check_stated(known, tables)
    guesses = {table: _Guess(table, frame, known) for table, frame in tables.items()}
    catalogue, logged, people = guesses["items"], guesses.get("log"), guesses.get("users")
    item_id = _item_id(catalogue, logged)
    user_id = None if people is None else _user_id(people)
    log_columns = None
    if logged is not None:
        log_columns = _log_columns(logged, catalogue, item_id)
    item_columns = _entity_columns(catalogue, item_id)
    user_columns = None if people is None else _entity_columns(people, user_id)
    schema = Schema(
        item_columns,
        log_columns,
        user_columns,
        {(guess.table, name): reason for guess in guesses.values() for name, reason in guess.reasons.items()},
        {(guess.table, name): reason for guess in guesses.values() for name, reason in guess.left_out.items()},
    )
    schema.check({table: list(frame.columns) for table, frame in tables.items()})
    return schema


class _Guess:
    """What is known so far of the columns of one table."""

    def __init__(self, table: str, frame: pd.DataFrame, stated: Mapping[str, tuple[str, ...]]) -> None:
        self.table, self.frame = table, frame
        self.names = [str(name) for name in frame.columns]
        self.stated = {key.split(".")[1]: value for key, value in stated.items() if key.startswith(f"{table}.")}
        self.reasons: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.taken = {name for value in self.stated.values() for name in value if name}
        self._facts: dict[str, Facts] = {}
        self._words: dict[str, list[str]] = {}
        for name in self.names:
            self._words.setdefault(words_of(name), []).append(name)

    def facts(self, name: str) -> Facts:
        """What the column holds."""
        if name not in self._facts:
            self._facts[name] = facts_of(self.frame[name], name)
        return self._facts[name]

    def single(self, use: str, words: str, fits: Callable[[str], bool]) -> str | None:
        """The stated column, or the first of the names that is free and fits."""
        if use in self.stated:
            return next(filter(None, self.stated[use]), None)
        for word in words.split():
            for name in self._words.get(word, []):
                if name not in self.taken and fits(name):
                    return self.give(name, f"it is named {quoted(name)}")
        return None

    def give(self, name: str, reason: str) -> str:
        """Take a column, saying why."""
        self.reasons[name] = reason
        self.taken.add(name)
        return name


def _check_stated(stated: Mapping[str, tuple[str, ...]], tables: Mapping[str, Any]) -> None:
    for key, names in stated.items():
        table, _, use = key.partition(".")
        uses = ROLES if table == "log" else ("id", "domain", *KINDS)
        if table not in ("items", "users", "log") or use not in uses:
            hint = "Say items., users. or log. and one of " + ", ".join(dict.fromkeys([*ROLES, "id", *KINDS])) + "."
            raise SchemaError("no_column", f"There is no use {quoted(key)} of a column.", hint)
        if use not in KINDS and len(names) > 1:
            raise SchemaError("no_column", f"{key} is one column, not {len(names)}.", "State one of them.")
        there = [] if table not in tables else [str(name) for name in tables[table].columns]
        for name in filter(None, names):
            if name not in there:
                hint = f"There are: {listed(there)}." if there else "Give that table, too."
                raise SchemaError("no_column", f"The {called(table)} has no column {quoted(name)}.", hint)


# -- ids and roles ----------------------------------------------------------------------------------------------------


def _item_id(catalogue: _Guess, log: _Guess | None) -> str | None:
    if "id" in catalogue.stated:
        return next(filter(None, catalogue.stated["id"]), None)
    found = catalogue.single("id", ITEM_IDS, lambda name: catalogue.facts(name).filled > 0)
    found = found or catalogue.single(
        "id", NOUNS, lambda n: catalogue.facts(n).unique and catalogue.facts(n).words < 1.5
    )
    found = found or catalogue.single("id", ANY_IDS, lambda name: catalogue.facts(name).unique)
    if found or log is None:
        return found
    for name in catalogue.names:
        if name in log.names and catalogue.facts(name).unique:
            return catalogue.give(name, "the log has a column of that name, and it differs in every row")
    for name in catalogue.names:
        if catalogue.facts(name).unique and not catalogue.facts(name).dates:
            for other in log.names:
                if _overlap(log.frame[other], catalogue.frame[name]) > 0.5:
                    return catalogue.give(name, f"the log's column {quoted(other)} holds its values")
    message = "No column of the catalogue was found that says which item a row of the log means."
    hint = f"State the catalogue's id and the log's item; the catalogue has {listed(catalogue.names)}."
    raise SchemaError("no_id", message, hint)


def _user_id(people: _Guess) -> str | None:
    found = people.single("id", f"{USER_IDS} {ANY_IDS}", lambda name: people.facts(name).filled > 0)
    if found is None:
        message = "No column of the table of users was found that says who a row is of."
        raise SchemaError("no_id", message, f"State it (users.id); there are: {listed(people.names)}.")
    return found


def _log_columns(log: _Guess, catalogue: _Guess, item_id: str | None) -> LogColumns:
    item = _logged_item(log, catalogue, item_id)
    user = log.single("user", USER_IDS, lambda name: log.facts(name).filled > 0)
    query = log.single("query", QUERIES, lambda name: log.facts(name).text and log.facts(name).filled > 0)
    if user is None and query is None and "user" not in log.stated:
        message = "No column of the log was found that says who took the items."
        raise SchemaError("no_user", message, f"State it (log.user); there are: {listed(log.names)}.")

    def few(name: str) -> bool:
        return 2 <= log.facts(name).distinct <= MOST_DOMAINS

    def times(name: str) -> bool:
        return log.facts(name).whole or log.facts(name).dates

    time = log.single("time", TIMES, times)
    label = log.single(
        "label", LABELS, lambda name: log.facts(name).numbers or 1 <= log.facts(name).distinct <= MOST_DOMAINS
    )
    domain = log.single("domain", DOMAINS, few)
    for name in log.names:
        if name not in log.taken:
            log.left_out[name] = "a log has no features: give those of items and users in tables of their own"
    return LogColumns(item, user, label, query, domain, time)


def _logged_item(log: _Guess, catalogue: _Guess, item_id: str | None) -> str:
    if log.stated.get("item"):
        return log.stated["item"][0]
    if item_id is None:
        message = "The log names items, but the catalogue has no id."
        raise SchemaError("no_id", message, f"State it (items.id); there are: {listed(catalogue.names)}.")
    ids = catalogue.frame[item_id]
    known = lambda name: _overlap(log.frame[name], ids) > 0  # noqa: E731
    same = words_of(item_id) if item_id in log.names else ""
    found = log.single("item", f"{same} {ITEM_IDS} {NOUNS}", known)
    if found:
        return found
    shares = {name: _overlap(log.frame[name], ids) for name in log.names if name not in log.taken}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is not None and shares[best] > 0.5:
        return log.give(best, f"{shares[best]:.0%} of its values are ids of the catalogue ({quoted(item_id)})")
    examples = listed(texts_of(some_rows(ids))[1][:2])
    message = f"No column of the log holds ids of the catalogue's column {quoted(item_id)}, such as {examples}."
    hint = f"State the log's item or the catalogue's id; the log has {listed(log.names)}."
    raise SchemaError("no_item", message, hint)


def _overlap(column: pd.Series, ids: pd.Series) -> float:
    """Share of a column's distinct values that are ids."""
    values = texts_of(some_rows(column))[1]
    return 0.0 if not values else float(np.isin(values, texts_of(ids)[1]).mean())


# -- features ---------------------------------------------------------------------------------------------------------


def _entity_columns(guess: _Guess, identifier: str | None) -> EntityColumns:
    domain = None
    if guess.table == "items":
        domain = guess.single("domain", DOMAINS, lambda name: 2 <= guess.facts(name).distinct <= MOST_DOMAINS)
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    codes = None if identifier is None else texts_of(guess.frame[identifier])[0]
    for name in guess.names:
        if name in (identifier, domain) or name in guess.taken:
            continue
        kinds, reason = _kinds(guess, name)
        if kinds and codes is not None and _varies(texts_of(guess.frame[name])[0], codes):
            kinds, reason = (), f"it differs between rows of the same {quoted(identifier)}"
        free = [kind for kind in kinds if kind not in guess.stated]
        for kind in free:
            found[kind].append(name)
        if free:
            guess.give(name, reason)
        else:
            guess.left_out[name] = "not among the stated columns" if kinds else reason
    words = {name: words_of(name) for name in guess.names}
    rank = {name: _WRITTEN.index(words[name]) if words[name] in _WRITTEN else len(_WRITTEN) for name in words}
    # titles, then prose, then other texts; words of levels last
    found["texts"].sort(key=lambda name: (name in found["sparse"], rank[name]))
    for kind in KINDS:
        if kind in guess.stated:
            found[kind] = [name for name in guess.stated[kind] if name]
    return EntityColumns(identifier, **{kind: tuple(names) for kind, names in found.items()}, domain=domain)


def _varies(values: Ints, ids: Ints) -> bool:
    """Whether more than one in a hundred of the ids that repeat have more than one value."""
    there = (values >= 0) & (ids >= 0)
    rows = np.bincount(ids[there])
    distinct = np.bincount(np.unique(np.stack([ids[there], values[there]]), axis=1)[0], minlength=len(rows))
    repeated = rows > 1
    return bool(repeated.any()) and float((distinct[repeated] > 1).mean()) > 0.01


def _kinds(guess: _Guess, name: str) -> tuple[tuple[str, ...], str]:
    """The kinds of a feature and why; no kind, and why not."""
    facts, words = guess.facts(name), words_of(name).split("_")
    if facts.distinct == 0:
        return (), "it is empty"
    if facts.distinct == 1 and facts.rows > 1:
        return (), "it has one value only"
    if guess.table == "users" and _PERSONAL & {*words, "".join(words)}:
        return (), "its name says that it tells who somebody is"
    if facts.images > 0.5 or (facts.links > 0.5 and _IMAGES & {*words}):
        return ("images",), "it holds names of image files; images are not learned from"
    if facts.links > 0.5:
        return (), "it holds links"
    if facts.numbers:
        return _number_kinds(facts, words)
    if facts.dates:
        return ("numbers",), "it holds dates"
    return _text_kinds(facts, words_of(name))


def _number_kinds(facts: Facts, words: Sequence[str]) -> tuple[tuple[str, ...], str]:
    if _COUNTED & {*words}:
        return (), "its name says that it is counted from what users did"
    levels = facts.distinct <= min(MOST_LEVELS, facts.filled / 2)
    if facts.whole and (_IDENTIFIERS & {*words} or (facts.unique and facts.rows > 20)):
        return (("sparse",), "it holds codes") if levels else ((), "it is an identifier")
    if facts.whole and facts.distinct <= FEW_NUMBERS and levels:
        return ("sparse",), f"it holds {facts.distinct} whole numbers"
    return ("numbers",), "it holds numbers"


def _text_kinds(facts: Facts, words: str) -> tuple[tuple[str, ...], str]:
    levels = facts.distinct <= min(MOST_LEVELS, facts.filled / 2)
    if words in _WRITTEN:
        return ("texts",), f"it has text and is named {quoted(words)}"
    if facts.lists > 0.2:
        return ("texts", "sparse"), "it has text in lists; the first of each list is a level"
    if facts.words > 4 or (not levels and facts.lettered > 0.5):
        return ("texts",), "it has text that differs in most rows" if not levels else "it has text of many words"
    if levels:
        kinds = ("texts", "sparse") if facts.lettered > 0.5 else ("sparse",)
        return kinds, f"it has {facts.distinct:,} values that repeat"
    return (), "it has a code of its own for most rows"
