"""What a file sent to the page is refused for before anything reads it: its name, its size, its first bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

SNIFFED = 65_536
"""Bytes looked at, from the start."""
PARQUET = b"PAR1"
TEXT_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks: what follows is text, though it may have NUL bytes (UTF-16)."""
KINDS = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; export the table as CSV"),
    (b"PK\x05\x06", "a ZIP archive; send the table itself as CSV"),
    (b"\x1f\x8b", "compressed (gzip); unpack it first"),
    (b"\xfd7zXZ\x00", "compressed (xz); unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd); unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; export the table as CSV"),
    (b"%PDF-", "a PDF document; send the table as CSV"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a database; export the table as CSV"),
    (b"\x93NUMPY", "a NumPy array; export it as CSV or Parquet"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_OLD_PICKLE = re.compile(rb"(?:c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n\((?:S'|V|I\d|t|lp?|dp?|c)|\([ld]p\d+\n)")
_BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
_MARKUP = re.compile(rb"\s*<(?:\?xml|!doctype|!--|svg|html|script|body|head)", re.IGNORECASE)


def refuse_odd(source: Path, name: str, endings: Sequence[str], most: int) -> None:
    """Refuse a file that is none of the tables it says it is.

    Args:
        source: the file.
        name: the name it was sent under.
        endings: those allowed, as ``.csv``.
        most: bytes it may have.

    Raises:
        ValueError: a sentence that says what it is and what to do.
        OSError: it cannot be read.
    """
    if "\x00" in name or re.search(r"(?:^|[/\\])\.\.(?:[/\\]|$)", name):
        raise ValueError("Its name has a path or a NUL character in it. Give it a plain name.")
    ending = Path(name).suffix.lower()
    if ending not in endings:
        said = f"Its name ends with {ending[:20]!r}" if ending else "Its name has no ending"
        raise ValueError(f"{said}; files that end with {_either(endings)} are read.")
    size = source.stat().st_size
    if size > most:
        raise ValueError(f"The file has {size:,} bytes; {most:,} is the most.")
    with source.open("rb") as content:
        start = content.read(SNIFFED)
        content.seek(max(size - len(PARQUET), 0))
        end = content.read(len(PARQUET))
    if kind := kind_of(start):
        raise ValueError(f"By its first bytes it is {kind}.")
    if (ending == ".parquet") != start.startswith(PARQUET) or (ending == ".parquet" and end != PARQUET):
        raise ValueError(_wrong_parquet(ending))
    if ending != ".parquet" and b"\x00" in start and not start.startswith(TEXT_MARKS):
        raise ValueError("It has NUL bytes, so it is no text. Export the table as CSV.")


def _wrong_parquet(ending: str) -> str:
    if ending == ".parquet":
        return "It is no whole Parquet file, by its first and last bytes. Save it again, or as CSV."
    return "By its first bytes it is a Parquet file. Give it a name that ends with .parquet."


def kind_of(start: bytes) -> str | None:
    """What a file is by its first bytes, in words, where that is nothing that may be sent; else None.

    Example:
        >>> kind_of(b"PK\\x03\\x04rest")
        'a ZIP archive or an Excel workbook; export the table as CSV'
    """
    for mark, words in KINDS:
        if start.startswith(mark):
            return words
    if _PICKLE.match(start) or _OLD_PICKLE.match(start):
        return "a Python pickle, which could run code; export the table as CSV"
    if _BZIP2.match(start):
        return "compressed (bzip2); unpack it first"
    plain = next((start.removeprefix(mark) for mark in TEXT_MARKS if start.startswith(mark)), start)
    if _MARKUP.match(plain.replace(b"\x00", b"")):
        return "a page or a drawing (HTML, SVG or XML), which could hold a script; send the table as CSV"
    return None


def _either(endings: Sequence[str]) -> str:
    return f"{', '.join(endings[:-1])} or {endings[-1]}"
