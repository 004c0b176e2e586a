"""The bundled catalogue's entries, and catalogues of a user's own items."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from bethink.tools.recommendation.catalogue import Catalogue, UnknownDomainError, bundled, from_entities, plain_title
from bethink.tools.recommendation.samples import Entities


def entities(texts):
    count = len(texts)
    empty = np.zeros((count, 0), np.float32)
    return Entities(np.arange(count), texts, np.zeros((count, 0), np.int64), (), (), empty, ())


def test_the_bundled_catalogue_is_whole():
    catalogue = bundled()
    counts = {name: int((catalogue.domain == place).sum()) for place, name in enumerate(catalogue.domains)}
    assert counts["films"] > 400
    assert counts["books"] > 300
    assert counts["dishes"] > 100
    for place, details in enumerate(catalogue.details):
        assert details["text"].endswith(".")
        assert 20 < len(details["text"]) < 160
        assert details["genres"]
        assert details["tones"]
        assert re.fullmatch("(film|book|dish):[a-z0-9-]+", str(catalogue.items.ids[place]))
        if catalogue.domains[catalogue.domain[place]] != "dishes":
            assert -800 <= int(details["year"]) <= 2026
            assert re.fullmatch("[a-z]{2,3}", details["language"])
            assert details["creators"]
    years = catalogue.items.numbers[catalogue.within("films"), 0]
    assert 1900 < years.min() < years.max() <= 2026
    assert np.isnan(catalogue.items.numbers[catalogue.within("dishes"), 0]).all()


def test_films_of_the_same_tastes_share_levels():
    catalogue = bundled()
    genre = catalogue.items.sparse_names.index("genre")
    alien, stalker, moon = (catalogue.titled(title)[0] for title in ("Alien", "Stalker", "Moon"))
    assert catalogue.items.sparse[stalker, genre] == catalogue.items.sparse[moon, genre] != 0
    assert catalogue.items.sparse[alien, genre] not in (0, catalogue.items.sparse[moon, genre])


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("the matrix", "The Matrix"),
        ("AMELIE", "Amélie"),
        ("godfather", "The Godfather"),
        ("Se7en!", "Se7en"),
        ("the lord of the rings fellowship of the ring", "The Lord of the Rings: The Fellowship of the Ring"),
        ("Spirted Away", "Spirited Away"),
    ],
)
def test_titles_are_found_as_people_write_them(said, title):
    catalogue = bundled()
    assert [catalogue.titles[place] for place in catalogue.titled(said, "films")] == [title]


def test_titles_of_two_domains_and_years():
    catalogue = bundled()
    assert len(catalogue.titled("Solaris")) == 2
    assert [catalogue.details[place]["year"] for place in catalogue.titled("Solaris (1972)")] == ["1972"]
    assert [catalogue.details[place]["year"] for place in catalogue.titled("Solaris", "books")] == ["1961"]
    for odd in ("", "qqqqqq", "🎬", "'; DROP TABLE items;--", "x" * 10_000):
        assert catalogue.titled(odd) == []
    assert plain_title("L'Avventura") == "l avventura"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("I loved Arrival", ["Arrival"]),
        ("i loved interstellar and amelie", ["interstellar", "amelie"]),
        ("I love her, and the moon", []),
        ("I love Her and “moon”", ["Her", "moon"]),
        ("No Country for Old Men, not The Matrix", ["No Country for Old Men", "Matrix"]),
        ("spirited away is lovely", ["spirited away"]),
        ("Blade Runner 2049 rather than Blade Runner", ["Blade Runner 2049", "Blade Runner"]),
        ("I'm happy since 1917", []),
        ("I liked 1917", ["1917"]),
        ("The user hates horror.", []),
        ("Arrivals and Interstellarness", []),
        ("", []),
    ],
)
def test_titles_are_found_within_texts(text, named):
    assert [text[start:end] for start, end, _ in bundled().mentioned(text)] == named


def test_a_year_picks_among_titles_of_a_text():
    catalogue = bundled()
    (_, end, items), (_, _, both) = catalogue.mentioned("Solaris (1972), Solaris")
    assert end == len("Solaris (1972)")
    assert [catalogue.details[item]["year"] for item in items] == ["1972"]
    assert len(both) == 2
    start = time.process_time()
    catalogue.mentioned("Blade Runner the of " * 2000)
    assert time.process_time() - start < 1


def test_domains_are_named_by_one_item_too_and_unknown_ones_refused():
    catalogue = bundled()
    assert (catalogue.within("Film") == catalogue.within(["films"])).all()
    assert (catalogue.within(["films", "books"]) == (catalogue.domain < 2)).all()
    assert catalogue.within(None).all()
    with pytest.raises(
        UnknownDomainError, match=r"no domain 'flims'; there are films, books, dishes. Did you mean 'films'"
    ):
        catalogue.within("flims")
    with pytest.raises(UnknownDomainError, match="no domain 'zz'; there are films, books, dishes.$"):
        catalogue.within("zz")


def test_a_catalogue_of_ones_own_items():
    mine = from_entities(entities(["A red lamp", ""]), domain=[0, 1], domains=("lamps", "chairs"), kinds=["lamp", ""])
    assert mine.titles == ("A red lamp", "1")
    assert mine.within("chairs").tolist() == [False, True]
    assert from_entities(entities([])).within(None).shape == (0,)
    assert from_entities(entities(["x"])).domains == ("items",)
    with pytest.raises(ValueError, match="within 0..0"):
        from_entities(entities(["x"]), domain=[1])
    with pytest.raises(ValueError, match="needs a title"):
        Catalogue(entities(["x"]), (), np.zeros(1, np.int64), ("a",), ("",))
