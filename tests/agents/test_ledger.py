from __future__ import annotations

import csv
import io
import sqlite3
import threading

import pytest

from bethink.agents.ledger import Ledger
from bethink.models.energy import Meter, Span, record
from bethink.models.energy.processor import Processor


def made(kind: str, *, at: str = "2026-01-02T03:04:05.000+00:00", **changes):
    meter = Meter(processor=Processor("made up", 4.0, "", False))
    with Span(kind, kind, meter=meter) as span:
        pass
    return record(span) | {"at": at, "energy_j": 1.0, "co2e_g": 0.5, "t_cpu_s": 0.25} | changes


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "energy.db")
    yield made
    made.close()


def test_what_is_kept_comes_back_for_its_user_only(ledger):
    mine = made("model", flops=2.5, tokens_in=7, tokens_avoided=-3, would_overflow=True)
    ledger.add("ann", "t1", [mine])
    ledger.add("bob", "t2", [made("tool", ok=False, energy_j=None)])
    (back,) = ledger.records("ann")
    assert back == {"thread_id": "t1", **mine}
    (back,) = ledger.records("bob")
    assert (back["ok"], back["energy_j"]) == (False, None)
    assert ledger.records("carl") == []
    assert ledger.records("ann' OR '1'='1") == []


def test_sums_leave_out_turns_and_keep_error_classes_apart(ledger):
    rows = [
        made("model", tokens_avoided=100, tokens_in=10),
        made("tool"),
        made("memory", tokens_in=30, tokens_out=5, at="2026-01-03T00:00:00.000+00:00"),
        made("model", error_class="measured", energy_j=9.0),
        made("turn", energy_j=12.0),
    ]
    ledger.add("ann", "t1", rows)
    days = ledger.per_day("ann")
    assert [(day["day"], day["error_class"], day["energy_j"]) for day in days] == [
        ("2026-01-02", "estimated", 2.0),
        ("2026-01-02", "measured", 9.0),
        ("2026-01-03", "estimated", 1.0),
    ]
    kinds = {(each["kind"], each["error_class"]): each for each in ledger.per_kind("ann")}
    assert set(kinds) == {("model", "estimated"), ("tool", "estimated"), ("memory", "estimated"), ("model", "measured")}
    whole = {each["error_class"]: each for each in ledger.total("ann")}
    assert whole["estimated"]["tokens_avoided_net"] == 100 - 35
    assert [day["day"] for day in ledger.per_day("ann", since="2026-01-03")] == ["2026-01-03"]


def test_net_is_negative_where_memory_costs_more(ledger):
    ledger.add("ann", "t1", [made("model", tokens_avoided=-20), made("memory", tokens_in=30)])
    assert ledger.total("ann", thread_id="t1")[0]["tokens_avoided_net"] == -50
    assert ledger.total("ann", thread_id="other") == []
    assert ledger.total("ann", trace_id=ledger.records("ann")[0]["trace_id"])[0]["spans"] == 1


def test_it_is_bounded_for_each_user(tmp_path):
    ledger = Ledger(tmp_path / "energy.db", most=5)
    ledger.add("bob", "t", [made("tool", name="his")])
    for number in range(12):
        ledger.add("ann", "t", [made("tool", name=str(number))])
    assert [each["name"] for each in ledger.records("ann")] == ["7", "8", "9", "10", "11"]
    assert len(ledger.records("bob")) == 1
    ledger.close()


def test_a_broken_record_is_not_half_written(ledger):
    with pytest.raises(KeyError):
        ledger.add("ann", "t", [made("tool"), {"kind": "tool"}])
    with pytest.raises(sqlite3.Error):
        ledger.add("ann", "t", [made("tool"), made("tool") | {"name": object()}])
    assert ledger.records("ann") == []
    ledger.add("ann", "t", [made("tool")])
    assert len(ledger.records("ann")) == 1


def test_csv_has_every_field(ledger):
    ledger.add("ann", "t1", [made("tool", name='a "quoted", name\n'), made("turn")])
    rows = list(csv.DictReader(io.StringIO(ledger.csv("ann"), newline="")))
    assert [row["kind"] for row in rows] == ["tool", "turn"]
    assert rows[0]["name"] == 'a "quoted", name\n'
    assert {"energy_j", "error_class", "co2e_g", "ci_source", "tokens_avoided", "thread_id"} <= set(rows[0])


def test_a_deleted_user_leaves_no_byte(tmp_path):
    ledger = Ledger(tmp_path / "energy.db")
    ledger.add("ann-who-goes", "t1", [made("tool", name="very-special-tool")])
    ledger.add("bob", "t2", [made("tool")])
    assert ledger.delete_user("ann-who-goes") == 1
    for file in tmp_path.iterdir():
        assert b"ann-who-goes" not in file.read_bytes()
        assert b"very-special-tool" not in file.read_bytes()
    assert len(ledger.records("bob")) == 1
    ledger.close()


def test_threads_may_write_together(ledger):
    threads = [threading.Thread(target=ledger.add, args=("ann", "t", [made("tool")] * 3)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.records("ann")) == 24
