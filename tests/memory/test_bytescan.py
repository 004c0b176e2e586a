from __future__ import annotations

import json
import random

import numpy as np
import pytest

import bethink.memory.bytescan as bytescan
from bethink.memory.bytescan import ByteScan, VectorScan, blocks, files_below, forms, run_at


def test_a_text_in_every_form():
    text = 'Zoë said "hi" to 李明.'
    found = forms(text)
    assert found[text.encode()] == "UTF-8"
    assert found[json.dumps(text)[1:-1].encode()] == "JSON"
    inner = json.dumps({"thought": json.dumps({"text": text})})
    assert any(held in inner.encode() for held, name in found.items() if name == "JSON in JSON")
    assert {"UTF-16", "UTF-16 (big-endian)"} <= set(found.values())
    assert list(forms("plain").values()) == ["UTF-8", "UTF-16", "UTF-16 (big-endian)"]
    assert forms("") == {}
    assert b"Por?to" in forms("Por\ud800to")


def test_counts_are_those_of_plain_counting():
    rng = random.Random(0)
    letters = b"abc\x00\xff"
    for _ in range(60):
        held = bytes(rng.choices(letters, k=rng.randrange(0, 400)))
        needles = [bytes(rng.choices(letters, k=rng.choice([1, 3, 7, 8, 9, 20]))) for _ in range(20)]
        needles += [held[start : start + size] for start, size in ((0, 8), (5, 12), (max(len(held) - 9, 0), 9))]
        found = ByteScan(needles).count(held)
        for needle in set(needles) - {b""}:
            places = sum(held[i : i + len(needle)] == needle for i in range(len(held)))
            assert found[needle] == places, (needle, held)


def test_nothing_to_look_for():
    assert ByteScan([]).count(b"abc") == {}
    assert ByteScan([b""]).longest == 0
    assert VectorScan(np.zeros((0, 64))).count(b"abc" * 100) == {}
    assert VectorScan(np.ones((1, 64))).count(b"") == {}


@pytest.mark.parametrize("dim", [4, 64, 384])
def test_a_vector_at_any_byte_whole_or_in_part(dim):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20, dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scan = VectorScan(rows[:10])
    for shift in range(5):
        held = rng.bytes(101 + shift) + (rows[3] * np.float32(1.0000001)).tobytes() + rows[15].tobytes()
        assert set(scan.count(held)) == {3}
    if dim > 100:
        assert set(scan.count(rows[7, 40:200].tobytes())) == {7}
    assert scan.count(rows[10:].tobytes()) == {}
    with np.errstate(all="raise"):
        scan.count(np.array([np.nan, np.inf, 1e38, -1e38] * 10, dtype=np.float32).tobytes())


def test_a_needle_across_two_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(bytescan, "BLOCK", 10)
    file = tmp_path / "file"
    file.write_bytes(b"0123456789Porto in Portugal. 0123")
    scan = ByteScan([b"Porto in Portugal."])
    assert sum(sum(scan.count(block).values()) for block in blocks(file, scan.longest)) >= 1
    (tmp_path / "link").symlink_to(file)
    assert files_below(tmp_path) == [file]


def test_the_word_around_a_place():
    held = b'x\x00"number300" number3.'
    scan = ByteScan([b"number3"])
    assert sorted(run_at(held, start, start + 7) for _, start in scan.find(held)) == ["number3", "number300"]
