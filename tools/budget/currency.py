"""Which currency money is in, however it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.currencies import CODES, currency_code
from bethink.tools.findings import TableError, quoted

if TYPE_CHECKING:
    import pandas as pd

    from bethink.tools.budget.columns import Columns

COLUMNS = ("currency", "currency_code", "ccy", "waehrung", "wahrung", "währung")
"""Names of a column that holds nothing but currencies."""


def currency_of(frame: pd.DataFrame, columns: Columns, beside_amounts: Iterable[str], stated: str | None) -> str | None:
    """The one currency of a campaign: as written beside its money, in the names of its columns, in a column of its own,
    or as stated; None if nothing says it.

    Raises:
        TableError: ``currency`` for more than one, or another than stated.
    """
    from bethink.tools.frames import words_of
    from bethink.tools.quantities import coded, is_missing, quantities

    where = dict.fromkeys(beside_amounts, columns.action)
    for name in (columns.cost, columns.reward):
        if name is not None:
            where |= dict.fromkeys(quantities(frame[name], name).currencies, name)
    for name in (columns.action, columns.cost):
        unit = "" if name is None else words_of(name).rpartition("_")[2].upper()
        if name is not None and unit in CODES.split():
            where[unit] = name
    for name in frame.columns:
        if words_of(name) in COLUMNS:
            codes, levels = coded(frame[name])
            held = [levels[code] for code in np.unique(codes[codes >= 0])]
            where |= {currency_code(str(level)): name for level in held if not is_missing(level)}
    if len(where) > 1:
        parts = ", ".join(f"{quoted(currency)} in {quoted(name)}" for currency, name in list(where.items())[:6])
        message = f"The file has more than one currency: {parts}."
        raise TableError("currency", message, "Convert all money into one currency, or split the file.")
    found = next(iter(where), None)
    if stated and found and currency_code(stated) != found:
        message = f"The currency is stated as {quoted(stated)}; column {quoted(where[found])} has {quoted(found)}."
        raise TableError("currency", message, f"State {quoted(found)}, or convert the money.")
    return currency_code(stated) if stated else found
