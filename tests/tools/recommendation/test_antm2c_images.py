"""Image vectors: each item gets its own image's, whatever else lies in the folder or tar."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bethink.tools.recommendation import antm2c_images
from bethink.tools.recommendation.antm2c_images import image_vectors

COLOURS = {"a": (255, 0, 0), "b": (0, 255, 0), "c": (0, 0, 255)}


def mean_colour(images: list[Image.Image]) -> NDArray[np.float64]:
    """A fake encoder."""
    return np.array([np.asarray(image, float).mean((0, 1)) / 255 for image in images])


def png(colour: tuple[int, ...], mode: str = "RGB") -> bytes:
    data = io.BytesIO()
    Image.new(mode, (4, 3), colour).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(params=["folder", "tar", "tar.gz"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = {f"{name}.png": png(colour) for name, colour in COLOURS.items()}
    files |= {
        "other.png": png((1, 2, 3)),
        "broken.png": png((9, 9, 9))[:40],
        "text.png": b"no image",
        "a.txt": b"hello",
    }
    if request.param == "folder":
        (tmp_path / "in").mkdir()
        for name, data in files.items():
            (tmp_path / "in" / name).write_bytes(data)
        return tmp_path
    path = tmp_path / f"images.{request.param}"
    with tarfile.open(path, "w:gz" if request.param.endswith("gz") else "w") as archive:
        link = tarfile.TarInfo("../d.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, data in files.items():
            member = tarfile.TarInfo(f"../../evil/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_vectors_stand_at_their_items(source: Path, batch: int) -> None:
    ids = ["c", "nothing", "a", "broken", "b", "text", "d"]
    found = image_vectors(source, ids, mean_colour, batch=batch)
    expected = np.full((7, 3), np.nan)
    expected[[0, 2, 4]] = np.array([COLOURS[name] for name in "cab"]) / 255
    np.testing.assert_allclose(found.vectors, expected)
    assert found.vectors.dtype == np.float32
    assert (found.missing, found.others) == (4, 1)
    assert sorted(Path(name).name for name in found.unreadable) == ["broken.png", "text.png"]
    folder = source if source.is_dir() else source.parent
    assert not [path for path in folder.rglob("*") if path.name in ("evil", "d.png")]


def test_images_of_other_modes_become_rgb(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((255, 0, 0, 128), "RGBA"))
    Image.new("L", (5, 5), 51).save(tmp_path / "b.jpg")
    Image.new("P", (5, 5)).save(tmp_path / "c.PNG")
    found = image_vectors(tmp_path, ["a", "b", "c"], mean_colour)
    np.testing.assert_allclose(found.vectors[:2], [[1, 0, 0], [0.2, 0.2, 0.2]], atol=0.01)


def test_images_that_are_too_large_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png(COLOURS[name]))
    (tmp_path / "b.png").write_bytes(png(COLOURS["b"]) + b"\0" * 1_000)
    monkeypatch.setattr(antm2c_images, "MOST_BYTES", 500)
    found = image_vectors(tmp_path, ["a", "b"], mean_colour)
    assert "bytes" in found.unreadable["b.png"]
    monkeypatch.setattr(antm2c_images, "MOST_PIXELS", 11)
    with pytest.raises(ValueError, match="None of 2 items"):
        image_vectors(tmp_path, ["a", "b"], mean_colour)


def test_what_goes_wrong_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(COLOURS["a"]))
    for encode in (lambda images: np.zeros(3), lambda images: np.full((1, 3), np.inf), lambda images: np.zeros((2, 3))):
        with pytest.raises(ValueError, match="encoder gave"):
            image_vectors(tmp_path, ["a"], encode)
    with pytest.raises(FileNotFoundError):
        image_vectors(tmp_path / "nowhere", ["a"], mean_colour)
    (tmp_path / "no.tar").write_bytes(b"x" * 5_000)
    with pytest.raises(ValueError, match="cannot be read as a tar"):
        image_vectors(tmp_path / "no.tar", ["a"], mean_colour)
