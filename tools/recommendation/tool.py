"""``recommend`` and ``search_catalog``: what somebody may like, and what fits their words; tools an agent can call."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, Field

from bethink.tools.contract import Tool, ToolContext, ToolInput, ToolOutput

MOST = 50
TIMEOUT_S = 300.0


class CatalogueInput(ToolInput):
    """Which catalogue."""

    domain: str | None = Field(None, max_length=100, description="Like films, books or dishes; default all.")
    k: int = Field(10, ge=1, le=MOST, description="How many items.")
    upload: str | None = Field(
        None, max_length=120, description="Name of an uploaded catalogue (CSV or Parquet); none: the one that is here."
    )


class RecommendInput(CatalogueInput):
    """What is said of a taste; the user's thoughts are added."""

    taste: str | None = Field(
        None, max_length=2_000, description='Likes and dislikes in words: "I like slow sci-fi and hate horror".'
    )
    liked: list[str] = Field([], max_length=50, description="Titles the user liked.")
    disliked: list[str] = Field([], max_length=50, description="Titles the user disliked.")
    thoughts: bool = Field(True, description="Whether what is remembered of the user counts.")
    log: str | None = Field(
        None,
        max_length=120,
        description="Name of an uploaded log (CSV or Parquet) of who took or rated what; goes with `upload`.",
    )
    customer: str | None = Field(
        None, min_length=1, max_length=200, description="Id of a user in the log to recommend for."
    )


class SearchCatalogInput(CatalogueInput):
    """What is looked for."""

    query: str = Field(max_length=2_000, description="Words: a title, a topic, a person.")
    thoughts: bool = Field(False, description="Whether what is remembered of the user decides among what fits.")


class FoundItem(BaseModel):
    """One item."""

    rank: int
    id: str
    title: str
    domain: str
    score: float = Field(
        description="Fit to the taste in standard deviations, likeness to the query, or chance by a log's model."
    )
    details: dict[str, str]
    because: list[str] = Field(description="Why it is here, best reason first.")
    thoughts: list[str] = Field(description="Ids of the thoughts among the reasons.")


class UsedThought(BaseModel):
    """A thought that counted, word for word."""

    id: str
    text: str
    date: str


class CatalogueReadAs(BaseModel):
    """Which catalogue, and how it was understood."""

    source: str
    items: int
    domains: dict[str, int] = Field(description="Items of each domain.")
    columns: dict[str, str] = Field(description="What each column of an uploaded catalogue is used for.")


class LogReadAs(BaseModel):
    """How a log was understood, and what was learned from it."""

    source: str
    rows: int
    used: int = Field(description="Rows that were understood and are of items of the catalogue.")
    likes: int = Field(description="Used rows that say yes.")
    users: int
    items: int
    label: str = Field(description="The column that says yes or no.")
    columns: dict[str, str] = Field(description="What each column of the log is used for.")
    left_out: dict[str, int] = Field(description="Rows left out, by reason.")
    customer: Literal["none", "known", "unknown"]
    customer_id: str | None
    customer_had: int = Field(description="Items the customer had already; they are not recommended.")
    trained: bool
    cached: bool = Field(description="Whether the model was there from an earlier call.")
    training_seconds: float | None
    auc: float | None = Field(description="Of the model, on held-out rows.")
    popularity_auc: float | None = Field(description="Of popularity, on the same rows.")
    held_out: int
    drawn_negatives: int = Field(description="Rows that say no, drawn by chance where the log has none.")


class RecommendOutput(ToolOutput):
    """The list, and what it rests on."""

    status: Literal["ok", "new_user"]
    read_as: CatalogueReadAs
    log: LogReadAs | None = None
    items: list[FoundItem]
    likes: list[str]
    dislikes: list[str]
    used_thoughts: list[UsedThought]
    notes: list[str]
    seconds: float


class SearchCatalogOutput(ToolOutput):
    """What fits, best first."""

    read_as: CatalogueReadAs
    items: list[FoundItem]
    used_thoughts: list[UsedThought]
    notes: list[str]
    seconds: float


def run_recommend(request: RecommendInput, context: ToolContext) -> RecommendOutput:
    """Items near what the user likes and away from what they dislike; with a log, what a model of it ranks first.

    Raises:
        ToolError: ``not_found`` for an upload that is not there; ``invalid_input`` for a catalogue or log that cannot
            be used, a log of another catalogue, or a domain that it does not have; ``cancelled``.
    """
    from bethink.tools.recommendation.tool_run import recommendation

    return recommendation(request, context, time.perf_counter())


def run_search(request: SearchCatalogInput, context: ToolContext) -> SearchCatalogOutput:
    """Items that fit words, by the words themselves and by their sense.

    Raises:
        ToolError: as :func:`run_recommend`; ``invalid_input`` also for an empty query.
    """
    from bethink.tools.recommendation.tool_run import searching

    return searching(request, context, time.perf_counter())


recommend = Tool(
    name="recommend",
    description=(
        "Recommend films, books, dishes or items of an uploaded catalogue: by a taste in words, liked titles and what "
        "is remembered of the user, or by a model trained on an uploaded log of who took what, for one of its "
        "customers; says why each item is there."
    ),
    Input=RecommendInput,
    Output=RecommendOutput,
    run=run_recommend,
    examples=(
        ("Recommend me a film for tonight.", {"domain": "films", "k": 5}),
        ("Recommend something for me.", {}),
        ("What should I watch this evening? Nothing scary.", {"domain": "films", "taste": "nothing scary"}),
        ("What book would I like? I loved Dune.", {"domain": "books", "liked": ["Dune"]}),
        ("What shall I cook? Something quick and not spicy.", {"domain": "dishes", "taste": "quick, not spicy"}),
        (
            "Recommend items of shop.csv for customer 1042 from our purchases.csv.",
            {"upload": "shop.csv", "log": "purchases.csv", "customer": "1042"},
        ),
    ),
    cost_hint="1-20 seconds; a new log takes up to 2 minutes",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(("domain", "taste")),
)

search_catalog = Tool(
    name="search_catalog",
    description="Search films, books, dishes or an uploaded catalogue by words: a title, a topic, a person.",
    Input=SearchCatalogInput,
    Output=SearchCatalogOutput,
    run=run_search,
    examples=(
        ("Find films about a lonely astronaut.", {"query": "lonely astronaut", "domain": "films"}),
        ("Is there a book about whales in the catalogue?", {"query": "whales", "domain": "books"}),
        ("Search the catalogue for a soup with beans.", {"query": "soup with beans"}),
    ),
    cost_hint="1-20 seconds",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(("domain", "query")),
)
