"""Loading: damaged folders made again, precisions, and two generations at once."""

from __future__ import annotations

import os
import shutil
import threading
import time

import pytest

from bethink.models import convert, registry
from bethink.models.engine import DamagedModelError, load_engine


@pytest.fixture
def copy(tmp_path):
    """A copy of the converted model, in a cache of its own."""
    source = convert.smollm2_folder()
    target = tmp_path / "models" / source.name
    shutil.copytree(source, target)
    return target


def spoil(folder) -> None:
    """Zero the header of the weights: same size, so the quick check at every start sees nothing."""
    with (folder / "model.safetensors").open("r+b") as file:
        file.write(b"\0" * 64)


def test_damaged_weights_are_a_sentence(copy):
    spoil(copy)
    assert convert.is_whole(copy)
    with pytest.raises(DamagedModelError, match="cannot be loaded"):
        load_engine(copy, precision="bf16")
    os.remove(copy / "tokenizer.json")
    with pytest.raises(DamagedModelError, match="cannot be loaded"):
        load_engine(copy, precision="bf16")


def test_a_damaged_conversion_is_made_again_by_itself(copy, monkeypatch):
    spoil(copy)
    monkeypatch.setenv("BETHINK_CACHE", str(copy.parents[1]))
    whole = convert.gguf_folder(convert.packaged_gguf(), cache=None)
    assert whole == copy
    source = convert.default_cache  # the real one is read below, in place of the slow conversion
    assert source() == copy.parents[1]
    made = []

    def fake_convert(gguf, target, report):
        monkeypatch.delenv("BETHINK_CACHE")
        shutil.copytree(convert.smollm2_folder(), target)
        monkeypatch.setenv("BETHINK_CACHE", str(copy.parents[1]))
        made.append(target)

    monkeypatch.setattr(convert, "_convert", fake_convert)
    model = registry.load_chat_model("smollm2", precision="bf16")
    assert model.engine.describe()["kernel"] == "bf16"
    assert made == [copy]


def test_a_users_own_damaged_folder_is_left_alone(copy):
    (copy / convert.CHECKSUMS).unlink()
    spoil(copy)
    model = registry.load_chat_model(str(copy), precision="bf16")
    with pytest.raises(DamagedModelError):
        _ = model.engine
    assert (copy / "model.safetensors").exists()


def test_the_same_file_elsewhere_is_the_same_model(tmp_path):
    gguf = convert.packaged_gguf()
    moved = tmp_path / gguf.name
    shutil.copyfile(gguf, moved)
    assert convert.gguf_folder(moved) == convert.smollm2_folder()
    with moved.open("r+b") as file:
        file.write(b"GGUF\1")
    assert convert._fingerprint(moved) != convert._fingerprint(gguf)


@pytest.mark.parametrize("size", [4, 100, 70_000, 10_000_000])
def test_a_file_of_any_size_has_a_fingerprint(tmp_path, size):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + b"x" * (size - 4))
    first = convert._fingerprint(path)
    path.write_bytes(b"GGUF" + b"x" * (size - 4) + b"y")
    assert len(first) == 12
    assert convert._fingerprint(path) != first


def test_what_a_killed_conversion_left_is_removed(copy, monkeypatch):
    left = copy.parent / f"{copy.name}{convert.ASIDE}abc"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    convert.discard(copy)
    monkeypatch.setattr(convert, "_convert", lambda gguf, folder, report: folder.mkdir())
    convert.smollm2_folder(cache=copy.parents[1])
    assert not left.exists()


def test_who_waits_may_leave(smollm2):
    """Two people at once: the second waits, and stopping while waiting is heeded at once."""
    engine = smollm2.engine
    ids = engine.tokenizer.encode("The sea is")
    first = engine.generate(ids, max_new_tokens=50)
    next(first)
    cancel = threading.Event()
    got: list[int] = []
    second = threading.Thread(target=lambda: got.extend(engine.generate(ids, max_new_tokens=5, cancel=cancel)))
    second.start()
    time.sleep(0.2)
    assert second.is_alive()
    cancel.set()
    second.join(5)
    assert not second.is_alive()
    assert got == []
    # the first is not disturbed, and the lock is free again afterwards
    assert len(list(first)) > 5
    assert len(list(engine.generate(ids, max_new_tokens=3))) == 3


def test_an_unknown_precision_is_a_sentence():
    with pytest.raises(ValueError, match="Choose auto or one of"):
        load_engine(convert.smollm2_folder(), precision="int3")
