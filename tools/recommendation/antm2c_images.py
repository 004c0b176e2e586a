"""Vectors of items' images: out of a folder or a tar of ``ITEM_ID.png``, by an encoder that whoever has one gives.

An archive is read as it streams by, and nothing in it is written anywhere.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.recommendation.samples import Floats

if TYPE_CHECKING:
    from PIL.Image import Image

Encoder = Callable[[list["Image"]], ArrayLike]
"""Images in RGB to vectors [images, d]."""
MOST_BYTES = 50_000_000
MOST_PIXELS = 50_000_000
BATCH = 64
ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True, eq=False)
class ImageVectors:
    """What was made of the images.

    Args:
        vectors: of each item [items, d]; NaN where there is no image, or none that can be read.
        missing: number of items without an image.
        unreadable: files that are no images, or too large, with the reason.
        others: number of images of no item.
    """

    vectors: Floats
    missing: int
    unreadable: dict[str, str]
    others: int


def image_vectors(source: str | Path, ids: Sequence[str], encode: Encoder, *, batch: int = BATCH) -> ImageVectors:
    """Encode the images of items, each once.

    Args:
        source: a folder, or a tar file, packed or not.
        ids: of the items; the name of an image without its ending. Where two are there, the first counts.
        encode: such as a vision model's; gets at most ``batch`` images.
        batch: how many at a time.

    Raises:
        FileNotFoundError: no such folder or file.
        ValueError: a file that is no tar, no image of any item, vectors that are not one finite row an image.

    Memory: ``batch`` images and the vectors. Cost: reading all, decoding and encoding those of items.

    Example:
        >>> image_vectors("AntM2C_image.tar.gz", samples.items.ids, clip.encode)  # doctest: +SKIP
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f"There is no folder or file {str(source)!r} of images.")
    places = {str(name): number for number, name in enumerate(ids)}
    found: dict[int, Floats] = {}
    waiting: list[tuple[int, Image]] = []
    unreadable: dict[str, str] = {}
    others = 0

    def flush() -> None:
        if not waiting:
            return
        vectors = np.asarray(encode([image for _, image in waiting]), np.float32)
        if vectors.ndim != 2 or len(vectors) != len(waiting) or not np.isfinite(vectors).all():
            raise ValueError(
                f"The encoder gave {vectors.shape} for {len(waiting)} images; finite [images, d] is needed."
            )
        found.update((number, vector) for (number, _), vector in zip(waiting, vectors, strict=True))
        waiting.clear()

    seen: set[int] = set()
    for name, read in _files(source):
        number = places.get(PurePosixPath(name).stem)
        if number is None or number in seen:
            others += 1
            continue
        try:
            waiting.append((number, _opened(read())))
        except (OSError, ValueError, SyntaxError) as error:  # SyntaxError: what Pillow raises for a broken PNG
            unreadable[name] = str(error)
            continue
        seen.add(number)
        if len(waiting) == batch:
            flush()
    flush()
    if not found:
        raise ValueError(f"None of {len(places):,} items has an image in {source.name!r}: files are to be ITEM_ID.png.")
    vectors = np.full((len(places), len(next(iter(found.values())))), np.nan, np.float32)
    for number, vector in found.items():
        vectors[number] = vector
    return ImageVectors(vectors, len(places) - len(found), unreadable, others)


def _files(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in ENDINGS and path.is_file():
                yield path.name, lambda path=path: _within(path.stat().st_size, path.read_bytes)  # type: ignore[misc]
        return
    try:
        with tarfile.open(source, "r|*") as archive:
            for member in archive:
                if member.isfile() and PurePosixPath(member.name).suffix.lower() in ENDINGS:
                    file = archive.extractfile(member)
                    if file is not None:
                        yield member.name, lambda file=file, size=member.size: _within(size, file.read)  # type: ignore[misc]
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{source.name!r} cannot be read as a tar of images: {error}.") from error


def _within(size: int, read: Callable[[], bytes]) -> bytes:
    if size > MOST_BYTES:
        raise ValueError(f"it has {size:,} bytes; {MOST_BYTES:,} is the most")
    return read()


def _opened(data: bytes) -> Image:
    from PIL import Image as images

    with images.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"it has {image.width:,} x {image.height:,} pixels; {MOST_PIXELS:,} is the most")
        return image.convert("RGB")
