"""Runs of ``recommend`` and ``search_catalog``: read, embed, compare, explain, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.contract import ToolContext, ToolError, short
from bethink.tools.recommendation.bm25 import BM25
from bethink.tools.recommendation.catalogue import (
    Catalogue,
    UnknownDomainError,
    about_script,
    bundled,
    from_entities,
    printable,
)
from bethink.tools.recommendation.explain import Explanation, explain
from bethink.tools.recommendation.index import merge, search
from bethink.tools.recommendation.profile import (
    Feedback,
    Fit,
    Profile,
    fit,
    from_feedback,
    from_text,
    from_thoughts,
    profile,
    taste_space,
)
from bethink.tools.recommendation.samples import Floats, Ints
from bethink.tools.tables import TableFileError

if TYPE_CHECKING:
    from bethink.tools.recommendation.log_reading import Log
    from bethink.tools.recommendation.logs import Customer
    from bethink.tools.recommendation.text_features import TextFeatures
    from bethink.tools.recommendation.tool import (
        CatalogueInput,
        CatalogueReadAs,
        FoundItem,
        RecommendInput,
        RecommendOutput,
        SearchCatalogInput,
        SearchCatalogOutput,
        UsedThought,
    )

HERE = "the catalogue that is here"
ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
MAX_BYTES = 50_000_000
MOST_ITEMS = 50_000
"""Items of an uploaded catalogue: each text is embedded once, some hundreds a second on two cores."""
THOUGHTS = 24
ASKED = "what I like, love and enjoy; what I dislike, hate and avoid"
"""What thoughts are asked for."""
DEPTH = 100
"""Items by words and by sense that a search puts together."""
NAMED = 3


@dataclass(frozen=True, eq=False)
class Shop:
    """A catalogue that can be compared with.

    Args:
        source: what it is called.
        catalogue: the items.
        columns: what each column of an upload is used for.
        notes: what is to be known of it.
        log: of who took what of it, if one was given.
    """

    source: str
    catalogue: Catalogue
    columns: dict[str, str]
    notes: tuple[str, ...]
    log: Log | None = None

    def read_as(self) -> CatalogueReadAs:
        """How it was understood."""
        from bethink.tools.recommendation.tool import CatalogueReadAs

        counts = np.bincount(self.catalogue.domain, minlength=len(self.catalogue.domains)).tolist()
        domains = dict(zip(self.catalogue.domains, counts, strict=True))
        return CatalogueReadAs(source=self.source, items=len(self.catalogue), domains=domains, columns=self.columns)


@cache
def features() -> TextFeatures:
    """Texts to vectors, kept in the user's cache: a text is embedded once for all runs."""
    from bethink.models.convert import default_cache
    from bethink.models.embedder import SentenceEmbedder
    from bethink.tools.recommendation.text_features import TextFeatures

    return TextFeatures(SentenceEmbedder(), Path(default_cache()) / "texts")


def recommendation(request: RecommendInput, context: ToolContext, start: float) -> RecommendOutput:
    """See :func:`bethink.tools.recommendation.tool.run_recommend`."""
    from bethink.tools.recommendation.tool import RecommendOutput

    if request.customer is not None and request.log is None:
        hint = "Give `log`, the uploaded file of who took what, too; or leave out `customer`."
        raise ToolError("invalid_input", "A customer is a user of a log, and no log is given.", hint)
    shop, allowed = _shop(request, context, request.log)
    embed = _embedding(context)
    space = taste_space(shop.catalogue, embed)
    vectors = space.vectors
    customer = _customer(shop, request.customer, context)
    notes = [*(customer.notes() if customer else ()), *shop.notes]
    feedback = [*_titled(shop, request.liked, "like", notes), *_titled(shop, request.disliked, "dislike", notes)]
    feedback = [*(customer.feedback if customer else ()), *feedback]
    said = printable(request.taste or "")
    notes += about_script(said)
    remembered = context.thoughts(ASKED, THOUGHTS) if request.thoughts and context.thoughts is not None else []
    if remembered and customer and customer.known:
        remembered = []
        notes.append("What is remembered of you does not count, since this is for a customer of the log.")
    told = {one.item for one in feedback}
    thought = from_thoughts(remembered, embed, said=said, space=space)
    spoken = [from_text(said, embed, space=space), [part for part in thought if part.item not in told]]
    who = profile(*spoken, from_feedback(feedback, vectors))
    if said.strip() and not any(part.source == "text" for part in who.parts):
        notes.append("No like or dislike was found in the words of the taste.")
    context.checkpoint(0.9, "Comparing")
    fitted = fit(who, space, embed, allowed) if who.parts else None
    known = [part.item for part in who.parts if part.item is not None]
    found = _found(fitted, customer, vectors, allowed, known, request.k)
    index = BM25(list(shop.catalogue.items.texts))
    items = []
    for rank, (place, score) in enumerate(found, 1):
        reasons = None
        if fitted:
            reasons = explain(place, who, shop.catalogue, vectors, words_index=index, said=said, fitted=fitted)
        item = _item(rank, place, shop.catalogue, reasons)
        if customer:
            because = customer.because(place, vectors, reasons)
            item = item.model_copy(update={"score": short(score, 3), "because": because})
        items.append(item)
    texts = {str(thought["id"]): thought for thought in remembered}
    out = RecommendOutput(
        summary="",
        status="ok" if who.parts or (customer and customer.known) else "new_user",
        read_as=shop.read_as(),
        log=customer.read_as() if customer else None,
        items=items,
        likes=[*_named(who, True, shop.catalogue), *(customer.likes() if customer else ())],
        dislikes=_named(who, False, shop.catalogue),
        used_thoughts=[_thought(texts[name]) for name in who.thoughts if name in texts],
        notes=notes,
        seconds=0.0,
    )
    out.summary = recommend_summary(out)
    out.seconds = round(time.perf_counter() - start, 2)
    return out


def searching(request: SearchCatalogInput, context: ToolContext, start: float) -> SearchCatalogOutput:
    """See :func:`bethink.tools.recommendation.tool.run_search`."""
    from bethink.tools.recommendation.tool import SearchCatalogOutput

    query = printable(request.query)
    if not query:
        raise ToolError("invalid_input", "The query is empty.", "Say what is looked for: a title, a topic, a person.")
    shop, allowed = _shop(request, context)
    embed = _embedding(context)
    catalogue = shop.catalogue
    vectors = embed(list(catalogue.items.texts))
    index = BM25(catalogue.searched)
    by_words, fitting = index.search([query], DEPTH, allowed=allowed)
    by_sense, nearness = search(vectors, embed([query])[0], DEPTH, allowed=allowed)
    rankings: list[Ints] = [by_words[0][fitting[0] > 0], by_sense[0]]
    remembered = context.thoughts(ASKED, THOUGHTS) if request.thoughts and context.thoughts is not None else []
    space = taste_space(catalogue, embed) if remembered else None
    who = profile(from_thoughts(remembered, embed, said=query, space=space))
    if space and who.parts:
        fitted = fit(who, space, embed, allowed)
        both = np.unique(np.concatenate([ranking[ranking >= 0] for ranking in rankings]))
        rankings.append(both[np.argsort(-fitted.scores[both], kind="stable")])
    context.checkpoint(0.9, "Comparing")
    order = merge(rankings, request.k)
    near = dict(zip(by_sense[0].tolist(), nearness[0].tolist(), strict=True))
    items = []
    for rank, place in enumerate((int(each) for each in np.ravel(order) if each >= 0), 1):
        shared = index.shared(query, catalogue.searched[place])[:NAMED]
        because = [f"It has your words {', '.join(shared)}."] if shared else []
        if place in near:
            because.append(f"Its text is near in sense (similarity {near[place]:.2f}).")
        item = _item(rank, place, catalogue, None)
        items.append(item.model_copy(update={"because": because, "score": short(near.get(place, 0.0), 3)}))
    texts = {str(thought["id"]): thought for thought in remembered}
    out = SearchCatalogOutput(
        summary="",
        read_as=shop.read_as(),
        items=items,
        used_thoughts=[_thought(texts[name]) for name in who.thoughts if name in texts],
        notes=[*about_script(query), *shop.notes],
        seconds=0.0,
    )
    out.summary = search_summary(out, query)
    out.seconds = round(time.perf_counter() - start, 2)
    return out


def far_apart(vectors: Floats, places: Ints, k: int) -> list[int]:
    """Items that differ from each other: farthest-first from the one nearest to the middle; O(k N d).

    Example:
        >>> far_apart(np.eye(3, dtype=np.float32)[[0, 0, 1, 2]], np.arange(4), 3)
        [0, 2, 3]
    """
    if not len(places) or not k:
        return []
    some = vectors[places]
    chosen = [int(np.argmax(some @ some.mean(0)))]
    nearest = some @ some[chosen[0]]
    while len(chosen) < min(k, len(places)):
        nearest[chosen] = np.inf
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, some @ some[chosen[-1]])
    return [int(places[each]) for each in chosen]


# -- summaries --------------------------------------------------------------------------------------------------------


def recommend_summary(out: RecommendOutput) -> str:
    """The first of the list, and what it rests on; titles and thoughts as they stand in the fields."""
    listed = "; ".join(_shown(item) for item in out.items[:5])
    more = " and more in the result" if len(out.items) > 5 else ""
    learned = _learned(out)
    notes = " ".join(out.notes[:2])
    if out.status == "new_user" and out.log is not None:
        how = "for somebody new, by the model" if out.log.trained else "as different as can be"
        return f"Nothing is known of whom this is for, so these are {how}: {listed}{more}. {learned}{notes}".strip()
    if out.status == "new_user":
        return (
            f"Nothing is known of your taste yet, so these are as different as can be: {listed}{more}. "
            "Say which of them you like, or what you like and dislike in your own words."
        )
    towards = f"towards {_quoted(out.likes)}" if out.likes else "without a like to go by"
    if out.log is not None and out.log.customer == "known":
        towards = f"for customer {out.log.customer_id}, {towards}"
    away = f", away from {_quoted(out.dislikes)}" if out.dislikes else ""
    text = "Nothing in the catalogue is left to recommend. "
    if out.items:
        text = f"Recommended {towards}{away}: {listed}{more}. "
    if out.used_thoughts:
        remembered = "; ".join(f"“{thought.text}” ({thought.date[:10]})" for thought in out.used_thoughts[:NAMED])
        text += f"I used what I remember of you: {remembered}. "
    if out.items and out.items[0].because:
        text += f"{out.items[0].title}: {out.items[0].because[0]} "
    return (text + learned + notes).strip()


def _learned(out: RecommendOutput) -> str:
    """What was learned of the log, if anything."""
    if out.log is None or not out.log.trained:
        return ""
    named = {"held-out AUC": out.log.auc, "of popularity": out.log.popularity_auc}
    scores = ", ".join(f"{name} {score:g}" for name, score in named.items() if score is not None)
    return f"Learned from {out.log.used} rows of {out.log.users} users{scores and f': {scores}'}. "


def search_summary(out: SearchCatalogOutput, query: str) -> str:
    """The first of the list."""
    listed = "; ".join(_shown(item) for item in out.items[:5])
    more = " and more in the result" if len(out.items) > 5 else ""
    text = f"For “{query[:200]}”: {listed}{more}." if out.items else f"Nothing in the catalogue fits “{query[:200]}”."
    if out.used_thoughts:
        remembered = "; ".join(f"“{thought.text}” ({thought.date[:10]})" for thought in out.used_thoughts[:NAMED])
        text += f" Among what fits, I used what I remember of you: {remembered}."
    return " ".join([text, *out.notes[:2]])


def _shown(item: FoundItem) -> str:
    year = f" ({item.details['year']})" if item.details.get("year") else ""
    return f"{item.rank}. {item.title}{year}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names[:4])


# -- parts ------------------------------------------------------------------------------------------------------------


def _shop(request: CatalogueInput, context: ToolContext, log: str | None = None) -> tuple[Shop, Any]:
    context.checkpoint(0.0, "Reading the catalogue")
    if request.upload is not None:
        shop = _uploaded(request.upload, context, log)
    else:
        shop = Shop(HERE, bundled(), {}, (), None if log is None else _bundled_log(log, context))
    try:
        allowed = shop.catalogue.within(request.domain)
    except UnknownDomainError as problem:
        raise ToolError("invalid_input", str(problem), "Name one of these, or leave out `domain`.") from problem
    return shop, allowed


def _bundled_log(name: str, context: ToolContext) -> Log:
    from bethink.tools.recommendation.log_reading import bundled_log, log_table

    path = context.uploaded(name, ENDINGS)
    return bundled_log(name, log_table(path, MAX_BYTES), bundled(), path.read_bytes())


def _uploaded(name: str, context: ToolContext, log: str | None = None) -> Shop:
    from bethink.tools.frames import read_frame
    from bethink.tools.recommendation.columns import guess_schema
    from bethink.tools.recommendation.entities import read_entities
    from bethink.tools.recommendation.log_reading import ADVICE, log_table, read_log

    path = context.uploaded(name, ENDINGS)
    logged = None if log is None else log_table(context.uploaded(log, ENDINGS), MAX_BYTES)
    try:
        table = read_frame(path, max_bytes=MAX_BYTES)
        schema = guess_schema(table.frame, None if logged is None else logged.frame)
        read = read_entities(table.frame, schema.items)
    except TableFileError as problem:
        hint = problem.hint if logged is None else f"{ADVICE} {problem.hint}"
        raise ToolError("invalid_input", str(problem), hint) from problem
    if len(read.entities) > MOST_ITEMS:
        message = f"The catalogue has {len(read.entities):,} items; {MOST_ITEMS:,} is the most."
        raise ToolError("limit", message, "Give fewer items.")
    if not any(text.strip() for text in read.entities.texts):
        hint = "Give a column with titles or descriptions."
        raise ToolError("invalid_input", "No column of the catalogue holds texts to compare with.", hint)
    title = schema.items.texts[0] if schema.items.texts else None
    domain = np.where(read.domain < 0, len(read.domains), read.domain)
    domains = (*read.domains, "(none)") if (read.domain < 0).any() and read.domains else read.domains
    catalogue = from_entities(
        read.entities,
        titles=_titles(table.frame, schema.items.id, title, read.ids),
        domain=domain if read.domains else None,
        domains=domains if read.domains else ("items",),
    )
    columns = {line.column: line.use for line in schema.lines() if line.table == "items"}
    entries = None
    if log is not None and logged is not None:
        files = [path.read_bytes(), context.uploaded(log, ENDINGS).read_bytes()]
        entries = read_log(log, logged, table, schema, catalogue, files)
    return Shop(name, catalogue, columns, tuple(finding.message for finding in read.findings), entries)


def _titles(frame: Any, key: str | None, title: str | None, ids: Sequence[str]) -> list[str] | None:
    """The title column by id, where every item has one."""
    if title is None or key is None:
        return None
    known = dict(zip(frame[key].astype(str).tolist(), frame[title].astype(str).tolist(), strict=True))
    found = [known.get(name, "").strip()[:120] for name in ids]
    return found if all(found) else None


def _customer(shop: Shop, name: str | None, context: ToolContext) -> Customer | None:
    if shop.log is None:
        return None
    from bethink.tools.recommendation.logs import customer_of

    return customer_of(shop.log, name, shop.catalogue, features(), context)


def _found(
    fitted: Fit | None, customer: Customer | None, vectors: Floats, allowed: Any, known: Sequence[int], k: int
) -> list[tuple[int, float]]:
    """The best items with their scores: by the model of the log, by taste, or as different as can be."""
    known = [*known, *(customer.had if customer else ())]
    trained = customer is not None and customer.learned.model is not None
    left = np.flatnonzero(allowed & ~np.isin(np.arange(len(vectors)), known))
    by_taste: list[tuple[int, float]] = []
    if fitted:
        first = left[np.argsort(-fitted.scores[left], kind="stable")][: DEPTH if trained else k]
        by_taste = [(int(place), float(fitted.scores[place])) for place in first]
    if customer is not None and trained:
        return customer.ranked(k, allowed, known, [place for place, _ in by_taste])
    if fitted:
        return by_taste
    return [(place, 0.0) for place in far_apart(vectors, left, k)]


def _embedding(context: ToolContext) -> Any:
    def progress(done: float, message: str) -> None:
        context.checkpoint(0.05 + 0.8 * done, message)

    return lambda texts: features().of(texts, progress)


def _titled(shop: Shop, titles: Sequence[str], kind: Any, notes: list[str]) -> list[Feedback]:
    found = []
    for title in titles:
        places = shop.catalogue.titled(title)
        if places:
            found += [Feedback(place, kind) for place in places[:NAMED]]
        else:
            notes.append(f"“{title[:80]}” is not in the catalogue, so it does not count.")
    return found


def _named(who: Profile, likes: bool, catalogue: Catalogue) -> list[str]:
    parts = [part for part in who.parts if (part.weight > 0) == likes]
    return list(dict.fromkeys(part.words if part.item is None else catalogue.titles[part.item] for part in parts))


def _item(rank: int, place: int, catalogue: Catalogue, reasons: Explanation | None) -> FoundItem:
    from bethink.tools.recommendation.tool import FoundItem

    details = dict(catalogue.details[place]) if catalogue.details else {}
    return FoundItem(
        rank=rank,
        id=str(catalogue.items.ids[place]),
        title=catalogue.titles[place],
        domain=catalogue.domains[catalogue.domain[place]],
        score=0.0 if reasons is None else short(reasons.score, 3),
        details={name: text[:160] for name, text in details.items()},
        because=[] if reasons is None else list(reasons.sentences[:NAMED]),
        thoughts=[] if reasons is None else list(reasons.thoughts),
    )


def _thought(thought: dict[str, Any]) -> UsedThought:
    from bethink.tools.recommendation.tool import UsedThought

    return UsedThought(id=str(thought["id"]), text=str(thought["text"]), date=str(thought["date"]))
