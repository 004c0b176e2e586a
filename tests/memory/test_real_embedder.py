from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from bethink.memory import ThoughtMemory
from bethink.models.embedder import SentenceEmbedder


@pytest.fixture(scope="module")
def minilm():
    embedder = SentenceEmbedder()
    embedder.load()
    return embedder


SAID = """My sister Maria lives in Porto and is allergic to nuts.
I work as a nurse at Santa Clara Hospital.
My dog is called Rex.
I love hiking in the mountains.
My brother Tom plays the cello.
I moved to Coimbra last year.
My favourite colour is green.
I'm planning to visit Japan in October 2024."""


def test_the_porto_question_across_a_restart(tmp_path, minilm):
    with ThoughtMemory(tmp_path, minilm) as memory:
        for i, line in enumerate(SAID.splitlines()):
            memory.add(line, user_id="ana", turn_id=f"t{i}", timestamp="2024-05-01")
    with ThoughtMemory(tmp_path, minilm) as memory:
        for question, answer in (
            ("Where does Maria live?", "Porto"),
            ("What should I not cook for my sister?", "nuts"),
            ("What is my job?", "nurse"),
            ("What is the name of my pet?", "Rex"),
            ("What do I like to do outdoors?", "hiking"),
            ("Does anyone in my family make music?", "cello"),
            ("In which city is my home?", "Coimbra"),
            ("Where am I travelling this autumn?", "Japan"),
        ):
            found = [hit.thought.text for hit in memory.search(question, user_id="ana", k=3)]
            assert any(answer in text for text in found), (question, found)
        assert "Porto" in memory.search("Where does Maria live?", user_id="ana", k=1)[0].thought.text


def test_recall_takes_milliseconds_at_5000_thoughts(tmp_path, minilm, monkeypatch):
    rng = np.random.default_rng(0)
    real = minilm.embed
    directions = rng.standard_normal((5000, 384)).astype(np.float32)
    with ThoughtMemory(tmp_path, minilm) as memory:
        one = memory.insert("seed", user_id="seed")
        line = next(iter(memory.export(user_id="seed")))
        lines = [
            line.replace(one.id, f"{i:024x}").replace('"seed"', f'"I like thing {i} of kind {i % 50} in {i % 13}."', 1)
            for i in range(5000)
        ]
        monkeypatch.setattr(minilm, "embed", lambda texts: directions[: len(texts)])
        memory.import_(lines, user_id="ana")
        monkeypatch.setattr(minilm, "embed", real)
        query = minilm.embed(["Which thing of kind 7 is in town 3?"])
        monkeypatch.setattr(minilm, "embed", lambda texts: query)
        assert memory.search("Which thing of kind 7 is in town 3?", user_id="ana")[0].channels["lexical"] > 0
        spent = []
        for _ in range(30):
            start = time.perf_counter()
            memory.search("Which thing of kind 7 is in town 3?", user_id="ana")
            spent.append(time.perf_counter() - start)
        assert sorted(spent)[15] < 0.02


def test_opening_and_asking_an_empty_memory_loads_nothing_heavy(tmp_path):
    heavy = ("torch", "chromadb", "sentence_transformers", "transformers")
    code = (
        "import sys; from bethink.memory import ThoughtMemory; from bethink.models.embedder import SentenceEmbedder\n"
        "with ThoughtMemory(sys.argv[1], SentenceEmbedder()) as memory:\n"
        "    assert memory.search('Where do I live?', user_id='ana') == []\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
