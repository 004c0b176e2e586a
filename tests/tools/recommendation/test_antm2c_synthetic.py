"""Synthetic AntM2C files are what they say: named so, repeatable, with the click process of their docstring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bethink.tools.recommendation.antm2c import read_antm2c
from bethink.tools.recommendation.antm2c_schema import ANTM2C, Report
from bethink.tools.recommendation.antm2c_synthetic import MALFORMED, TOPICS, write_synthetic
from bethink.tools.recommendation.antm2c_tasks import TRAIN_UNTIL, VALID_UNTIL
from bethink.tools.recommendation.metrics import auc, expected_calibration_error


def test_everything_is_named_synthetic(tmp_path: Path) -> None:
    written = write_synthetic(tmp_path, 600, 0, images=True)
    assert written.images is not None
    assert all(path.name.startswith("synthetic_") for path in tmp_path.rglob("*"))
    for batch in read_antm2c(tmp_path):
        for ids in (batch.user_id, batch.item_id):
            assert all(text.startswith("synthetic_") for text in ids.to_pylist())
        assert all("合成" in text for text in batch.texts["item_title"].to_pylist())


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for packed in (False, True):
        made = [
            write_synthetic(tmp_path / f"{name}{packed}", 500, seed, malformed=3, vectors=4, packed=packed)
            for name, seed in (("a", 1), ("b", 1), ("c", 2))
        ]
        bytes_of = [[path.read_bytes() for path in written.paths] for written in made]
        assert bytes_of[0] == bytes_of[1]
        assert bytes_of[0] != bytes_of[2]
        assert made[0].planted == dict.fromkeys(MALFORMED.values(), 3)


def test_clicks_follow_the_chances(tmp_path: Path) -> None:
    written = write_synthetic(tmp_path, 20_000, 3, features=False)
    batches = list(read_antm2c(tmp_path))
    label = np.concatenate([batch.label for batch in batches])
    assert len(label) == written.rows == len(written.chance)
    assert expected_calibration_error(label, written.chance) < 0.02
    assert auc(label, written.chance) > 0.72
    topic = [
        next(name for name in TOPICS if name in text) for b in batches for text in b.texts["item_title"].to_pylist()
    ]
    bills = [text for b in batches for text in b.texts["bill_entity_seq"].to_pylist()]
    liked = np.array([any(word in bill for word in TOPICS[name]) for name, bill in zip(topic, bills, strict=True)])
    assert label[liked].mean() > label[~liked].mean() + 0.2


def test_times_fill_the_three_periods_and_some_come_late(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 12_000, 4, cold=0.3)
    batches = list(read_antm2c(tmp_path, columns=[]))
    time = np.concatenate([batch.time for batch in batches])
    first, second = (np.datetime64(text, "s").astype(int) for text in (TRAIN_UNTIL, VALID_UNTIL))
    shares = [(time <= first).mean(), ((time > first) & (time <= second)).mean(), (time > second).mean()]
    np.testing.assert_allclose(shares, np.array([9, 2, 2]) / 13, atol=0.02)
    for name in ("user", "item"):
        who = np.concatenate([getattr(batch, name) for batch in batches])
        early, late = (np.unique(who[mask]) for mask in (time <= first, time > second))
        new = ~np.isin(late, early)
        assert 0.1 < new.mean() < 0.6


def test_columns_are_those_of_the_schema(tmp_path: Path) -> None:
    names = [column.name for column in ANTM2C.columns]
    for folder, features, vectors, expected in (("a", True, 0, names), ("b", False, 2, [*names[:10], "image_vector"])):
        [path] = write_synthetic(tmp_path / folder, 50, 5, parts=1, features=features, vectors=vectors).paths
        assert path.read_text(encoding="utf-8").split("\n", 1)[0] == ",".join(expected)
    report = Report()
    assert sum(map(len, read_antm2c(tmp_path / "a", report=report))) == 50
    assert not report.absent
    assert not report.passed_over


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for settings, message in [
        ({"rows": 2}, "parts"),
        ({"cold": 1.0}, "cold"),
        ({"malformed": {"odd": 1}}, "'odd'"),
        ({"malformed": {"number": 1}, "features": False}, "'number'"),
    ]:
        with pytest.raises(ValueError, match=message):
            write_synthetic(tmp_path, **({"rows": 50, "seed": 0} | settings))  # type: ignore[arg-type]
