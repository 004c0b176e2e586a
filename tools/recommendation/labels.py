"""A log's column of labels as yes and no: clicks, truth words, ratings in stars, counts, or names of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bethink.tools.findings import listed, quoted
from bethink.tools.quantities import quantities
from bethink.tools.recommendation.schema import SchemaError
from bethink.tools.recommendation.values import texts_of

if TYPE_CHECKING:
    import pandas as pd

STARS = 0.75
"""Ratings from this part of their range on are likes: 4 of 1 to 5, 8 of 1 to 10."""
MOST_STARS = 101
"""Distinct numbers that ratings have at most; more are counts."""
TAKEN = (
    "click clicked purchase purchased buy bought order ordered transaction conversion like liked love add_to_cart "
    "addtocart cart basket wishlist save saved favorite favourite share shared play played watch watched listen read "
    "download downloaded install book booked positive up thumbs_up kauf gekauft klick 点击 购买"
)
"""Events in which a user takes an item."""
NOT_TAKEN = (
    "view viewed impression impressions show shown exposure exposed display displayed skip skipped dislike disliked "
    "hide hidden ignore ignored reject rejected negative down thumbs_down no_click noclick ansicht 曝光"
)
"""Events in which a user sees an item at most."""


@dataclass(frozen=True, eq=False)
class Labels:
    """1, 0, or NaN where there is none [n]; and a sentence about how they were read, empty for plain 0 and 1."""

    values: NDArray[np.float64]
    note: str = ""


def read_labels(column: pd.Series, name: str, threshold: float | None = None) -> Labels:
    """Read labels; O(n), and one look at each distinct cell.

    Args:
        column: the cells.
        name: what messages call it.
        threshold: ratings of this and more are likes; None takes the one that the range suggests.

    Raises:
        SchemaError: ``no_label`` for an empty column, or words that are neither yes and no nor known events.

    Example:
        >>> import pandas as pd
        >>> read_labels(pd.Series(["4,5", "2", "5"]), "stars").values
        array([1., 0., 1.])
        >>> read_labels(pd.Series([1, 2, 5]), "stars").note
        "Column 'stars' holds ratings from 1 to 5: 4 and more count as likes."
    """
    found = quantities(column, name)
    if found.text is not None:
        return _events(column, name)
    values, known = found.values, ~np.isnan(found.values)
    if not known.any():
        raise SchemaError(
            "no_label", f"Column {quoted(name)} is empty.", "State log.label as '' if all rows are clicks."
        )
    levels = np.unique(values[known])
    if threshold is not None:
        note = f"Column {quoted(name)}: {threshold:g} and more count as likes."
        return Labels(_above(values, threshold), note)
    if np.isin(levels, (0.0, 1.0)).all():
        return Labels(values)
    if len(levels) == 2 and levels[0] == -1 and levels[1] == 1:
        return Labels(_above(values, 1), f"Column {quoted(name)}: -1 counts as no.")
    low, high = float(levels[0]), float(levels[-1])
    if len(levels) > MOST_STARS or high > 100 or low == high:
        note = f"Column {quoted(name)} holds numbers from {low:g} to {high:g}: each above 0 counts as taken."
        return Labels(np.where(known, (values > 0).astype(np.float64), np.nan), note)
    wanted = low + STARS * (high - low)
    if (levels == np.round(levels)).all():
        wanted = float(np.ceil(wanted))
    note = f"Column {quoted(name)} holds ratings from {low:g} to {high:g}: {wanted:g} and more count as likes."
    return Labels(_above(values, wanted), note)


def _above(values: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    return np.where(np.isnan(values), np.nan, (values >= threshold).astype(np.float64))


def _events(column: pd.Series, name: str) -> Labels:
    codes, texts = texts_of(column)
    words = ["_".join(text.lower().replace("-", " ").replace("_", " ").split()) for text in texts]
    taken, known = frozenset(TAKEN.split()), frozenset(f"{TAKEN} {NOT_TAKEN}".split())
    unknown = [text for text, word in zip(texts, words, strict=True) if word not in known]
    if unknown:
        message = f"Column {quoted(name)} holds {listed(unknown)}: it is not known whether that is a yes."
        raise SchemaError("no_label", message, "Write 1 and 0, or ratings; or state another column as log.label.")
    table = np.array([*(float(word in taken) for word in words), np.nan])
    yes = listed(text for text, word in zip(texts, words, strict=True) if word in taken) or "nothing"
    return Labels(table[codes], f"Column {quoted(name)} names events: {yes} counts as taken.")
