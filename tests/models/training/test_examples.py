from __future__ import annotations

import json

import pytest

from bethink.models.training.examples import Encoded, Example, ExampleError, by_task, encode, read_examples


def test_examples_are_read_in_order_and_empty_lines_are_skipped(tmp_path):
    file = tmp_path / "a.jsonl"
    rows = [{"task": "t", "prompt": "p", "answer": "é"}, {"task": "u", "prompt": "q", "answer": "b", "more": 1}]
    file.write_text(json.dumps(rows[0]) + "\n\n" + json.dumps(rows[1]) + "\n", encoding="utf-8")
    assert read_examples(file) == [Example("t", "p", "é"), Example("u", "q", "b")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no examples"),
        (b"\n\n", "no examples"),
        (b"{", "line 1 is not JSON"),
        (b'{"task": "t", "prompt": "p", "answer": "a"}\n[1]', "line 2"),
        (b'{"task": "t", "prompt": "p"}', "line 1"),
        (b'{"task": "t", "prompt": "p", "answer": ""}', "not empty"),
        (b'{"task": 3, "prompt": "p", "answer": "a"}', "must be texts"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'{"task": "t", "prompt": "' + b"x" * 1_000_001 + b'", "answer": "a"}', "characters"),
    ],
)
def test_bad_files_are_told_with_their_line(tmp_path, content, said):
    file = tmp_path / "a.jsonl"
    file.write_bytes(content)
    with pytest.raises(ExampleError, match=said):
        read_examples(file)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ExampleError, match="cannot be read"):
        read_examples(tmp_path / "none.jsonl")


def test_answers_end_with_the_end_of_text_and_long_examples_are_left_out_whole(tiny_base):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    found, left_out = encode([Example("t", "one two", " three"), Example("t", "word " * 50, " x")], tokenizer, 20)
    assert left_out == 1
    assert len(found) == 1
    assert found[0].ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(found[0].ids[: -found[0].answer]) == "one two"
    assert tokenizer.decode(found[0].ids[-found[0].answer : -1]) == " three"


def test_tasks_are_gathered_in_alphabetical_order():
    rows = [Encoded("b", (1, 2), 1), Encoded("a", (3, 4), 1), Encoded("b", (5, 6), 1)]
    assert by_task(rows) == {"a": [rows[1]], "b": [rows[0], rows[2]]}


@pytest.mark.parametrize("n", [-5, 0, 99])
def test_too_few_examples_of_the_agent_are_refused_and_nothing_is_written(tmp_path, n):
    from bethink.models.training.agent import write

    with pytest.raises(ValueError, match="at least 100"):
        write(tmp_path / "new", n)
    assert not (tmp_path / "new").exists()
