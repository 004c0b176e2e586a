"""Columns as numbers, however people write them: ``5``, ``5 EUR``, ``€5``, ``1.000,50``, ``yes``.

How a decimal mark is written is told from the whole column. Where one thousand and one would be written alike
(``1,000``) and nothing in the column says which is meant, the column is refused rather than read wrong by a factor of
1,000.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bethink.tools.currencies import CURRENCIES
from bethink.tools.findings import TableError, quoted
from bethink.tools.tables import MISSING

if TYPE_CHECKING:
    import pandas as pd

    from bethink.tools.frames import Frame

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LARGEST = 1e15
"""Numbers above are refused: whole cents of them have no place in double precision."""
NAN = float("nan")
LONGEST_NUMBER = 60
YES = frozenset({"yes", "y", "true", "t", "ja", "oui", "si", "sí", "active"})
NO = frozenset({"no", "n", "false", "f", "nein", "non", "inactive"})
_WORD = r"[^\W\d_]{1,7}\.?|[^\W\d_]{0,2}[$€£¥₹₩₽₺₫₴₦₱฿]"
_NUMBER = re.compile(
    rf"([-+\u2212]?)\s*({_WORD})?\s*([-+\u2212]?)(\d[\d.,'\u2019\s]*|[.,]\d+)([eE][-+]?\d{{1,3}})?\s*({_WORD})?"
)
_GROUPS = re.compile(r"\d{1,3}( \d{3})+|\d+")


@dataclass(frozen=True, eq=False)
class Quantities:
    """Numbers [n], NaN where a value is missing or is no number.

    ``text`` is the first row that holds neither, and its cell; ``currencies`` are the codes written beside numbers;
    ``truth`` says that all values are words such as yes and no.
    """

    values: Floats
    text: tuple[int, str] | None
    currencies: tuple[str, ...]
    truth: bool


def coded(column: pd.Series) -> tuple[Ints, list[Any]]:
    """A column as numbers into its distinct values; -1 where there is none; O(n)."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.tolist()
    codes, levels = pd.factorize(column)
    return codes.astype(np.int64), list(levels.tolist())


def written(level: Any) -> str:
    """A distinct value as text; whole numbers without a point.

    Example:
        >>> written(5.0), written(4006381333931.0), written(" loyal "), written(True)
        ('5', '4006381333931', 'loyal', 'True')
    """
    if isinstance(level, int | float | np.number) and not isinstance(level, bool):
        number = float(level)
        return str(int(level)) if number.is_integer() and abs(number) <= LARGEST else f"{number:.12g}"
    return str(level).strip()


def categories_of(column: pd.Series) -> pd.Categorical:
    """A column as categories of text in their order, missing where a cell stands for no value; O(n)."""
    import pandas as pd

    codes, levels = coded(column)
    present = np.bincount(codes[codes >= 0], minlength=len(levels)) > 0
    texts = [
        None if is_missing(level) or not there else written(level) for level, there in zip(levels, present, strict=True)
    ]
    known = sorted({text for text in texts if text is not None})
    number = {text: index for index, text in enumerate(known)}
    table = np.array([*(-1 if text is None else number[text] for text in texts), -1])
    return pd.Categorical.from_codes(table[codes], pd.Index(known, dtype=object))


def is_missing(level: Any) -> bool:
    """Whether a cell stands for no value; see :data:`bethink.tools.tables.MISSING`."""
    return isinstance(level, str) and level.strip().lower() in MISSING


def quantities(column: pd.Series, name: str, *, money: bool = False) -> Quantities:
    """Read a column as numbers; O(n) and one parse for each distinct cell.

    Args:
        column: numbers, truth values, or cells of text.
        name: what messages call it.
        money: amounts with three decimals, such as ``5.000``, are refused where they could be thousands.

    Raises:
        TableError: ``mixed_decimals`` where decimal marks contradict each other or could mean two things,
            ``not_finite`` for infinite or huge numbers.

    Example:
        >>> import pandas as pd
        >>> quantities(pd.Series(["1.000,50 EUR", "€5", "none"]), "amount").values
        array([1000.5,    5. ,    nan])
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=NAN)
        return Quantities(_finite(values, name), None, (), False)
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object or pd.api.types.is_string_dtype(column):
        codes, levels = coded(column)
        return _of_levels(codes, levels, name, money)
    text = column.first_valid_index()
    found = None if text is None else (column.index.get_loc(text), str(column[text]))
    return Quantities(np.full(len(column), NAN), found, (), False)


def numbers_of(table: Frame, name: str) -> Floats:
    """A column of a table as numbers [n], NaN where a value is missing.

    Raises:
        TableError: ``not_numbers`` with the row, and what :func:`quantities` refuses.
    """
    found = quantities(table.frame[name], name)
    if found.text is not None:
        row, cell = found.text
        message = f"Column {quoted(name)} holds {quoted(cell)} in {table.where(row)}, which is no number."
        raise TableError("not_numbers", message, "Write numbers like 1234.5; for yes and no, 1 and 0.")
    return found.values


def decimal_mark(numerals: Iterable[str], name: str, *, money: bool = False) -> str:
    """``.`` or ``,``: which one starts the decimals in a column of numerals without signs and units.

    Raises:
        TableError: ``mixed_decimals`` as described for the module.
    """
    evidence: dict[str, str] = {}
    unclear: dict[str, str] = {}
    for numeral in numerals:
        mark, sure = _mark_of(numeral)
        if mark:
            (evidence if sure else unclear).setdefault(mark, numeral)
    if len(evidence) == 2:
        raise TableError(
            "mixed_decimals",
            f"Column {quoted(name)} has a decimal point in {quoted(evidence['.'])} and a decimal comma in "
            f"{quoted(evidence[','])}: either could be meant.",
            "Write all numbers one way, best without separators between thousands.",
        )
    if evidence:
        return next(iter(evidence))
    if "," in unclear or (money and unclear):
        numeral = unclear.get(",", unclear.get(".", ""))
        whole, part = re.split("[.,]", numeral)
        raise TableError(
            "mixed_decimals",
            f"Column {quoted(name)}: {quoted(numeral)} could be {whole + part} or {whole}.",
            "Write numbers without separators between thousands, and amounts without three decimals.",
        )
    return "."


def _mark_of(numeral: str) -> tuple[str, bool]:
    """What a numeral says of the decimal mark, and whether for sure; an empty mark if nothing."""
    points, commas = numeral.count("."), numeral.count(",")
    if points and commas:
        return (".", True) if numeral.rfind(".") > numeral.rfind(",") else (",", True)
    if not points and not commas:
        return "", True
    mark, other = (".", ",") if points else (",", ".")
    if points + commas > 1:
        return other, True
    whole, part = numeral.split(mark)
    unclear = len(part) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    return mark, not unclear


class _Cell(NamedTuple):
    """A cell taken apart: its number; or its sign, numeral and exponent, to be read once the decimal mark is known."""

    number: float | None = None
    sign: float = 1.0
    numeral: str = ""
    exponent: str = ""
    currency: str = ""


def _of_levels(codes: Ints, levels: Sequence[Any], name: str, money: bool) -> Quantities:
    if not money:  # nearly all columns are written like 1234.5
        try:
            plain = [NAN if level in MISSING else float(level) for level in levels]
        except (TypeError, ValueError):
            plain = []
        if plain and "_" not in "".join(filter(lambda level: isinstance(level, str), levels)):
            return Quantities(_finite(np.array([*plain, NAN])[codes], name), None, (), False)
    cells = [_cell(level) for level in levels]
    numerals = [cell.numeral for cell in cells if cell.numeral and not cell.exponent]
    mark = decimal_mark(numerals, name, money=money) if numerals else "."
    numbers = [_value(cell, mark) if cell.numeral else cell.number for cell in cells]
    text = [index for index, number in enumerate(numbers) if number is None]
    words = {index: _truth(levels[index]) for index in text}
    truth = bool(text) and None not in words.values() and all(n is None or np.isnan(n) for n in numbers)
    if truth:  # a stray "no" among numbers is text
        numbers, text = [words.get(index, NAN) for index in range(len(numbers))], []
    table = np.array([NAN if number is None else number for number in [*numbers, NAN]])  # the last is for code -1
    values = _finite(table[codes], name)
    rows = np.flatnonzero(np.isin(codes, text)) if text else np.array([], np.int64)
    found = (int(rows[0]), str(levels[codes[rows[0]]])) if len(rows) else None
    present = set(np.unique(codes).tolist()) if any(cell.currency for cell in cells) else set()
    currencies = {cell.currency for index, cell in enumerate(cells) if cell.currency and index in present}
    return Quantities(values, found, tuple(sorted(currencies)), truth)


def _cell(level: Any) -> _Cell:
    if isinstance(level, bool | int | float | Decimal | np.number | np.bool_):
        return _Cell(float(level))
    if not isinstance(level, str):
        return _Cell(NAN if level is None else None)
    cell = level.strip()
    if cell.lower() in MISSING:
        return _Cell(NAN)
    if cell.lower().lstrip("+-") in ("inf", "infinity"):
        return _Cell(float(cell))
    found = _NUMBER.fullmatch(cell) if len(cell) <= LONGEST_NUMBER else None
    if not found:
        return _Cell()
    sign1, before, sign2, numeral, exponent, after = (part or "" for part in found.groups())
    units = [unit.lower().rstrip(".") for unit in (before, after) if unit]
    if any(unit not in CURRENCIES for unit in units) or len({CURRENCIES[unit] for unit in units}) > 1:
        return _Cell()
    sign = -1.0 if (sign1 or sign2) in ("-", "\u2212") else 1.0
    numeral = " ".join(re.split(r"['\u2019\s]+", numeral.strip()))
    return _Cell(None, sign, numeral, exponent, CURRENCIES[units[0]] if units else "")


def _truth(level: Any) -> float | None:
    word = level.strip().lower() if isinstance(level, str) else ""
    return 1.0 if word in YES else 0.0 if word in NO else None


def _value(cell: _Cell, mark: str) -> float | None:
    """The number that a numeral stands for, None for what is none (``1.2.3``, ``12,34,5``)."""
    whole, _, part = cell.numeral.rpartition(mark) if mark in cell.numeral else (cell.numeral, "", "")
    whole = whole.replace("." if mark == "," else ",", " ")
    if (whole and not _GROUPS.fullmatch(whole)) or (part and not part.isdecimal()) or not (whole or part):
        return None
    return cell.sign * float(f"{whole.replace(' ', '') or '0'}.{part or '0'}{cell.exponent}")


def _finite(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(np.abs(values) > LARGEST)
    if len(wrong):
        value = values[wrong[0]]
        kind = "is infinite" if np.isinf(value) else f"holds {value:g}; numbers up to {LARGEST:g} are handled"
        raise TableError(
            "not_finite", f"Column {quoted(name)} {kind}.", "Leave the cell empty if the value is missing."
        )
    return values
