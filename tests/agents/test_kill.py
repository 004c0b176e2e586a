"""kill -9 in the middle of a turn, twenty times: no thread is lost, no thought is half-written or doubled."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from bethink.agents.threads import ThreadStore
from bethink.memory import ThoughtMemory

ROUNDS = 20
SCRIPT = """
import json, sys, time
from pathlib import Path
from langchain_core.messages import AIMessageChunk
sys.path.insert(0, sys.argv[2])
from tests.agents.fakes import make_agent

agent = make_agent(Path(sys.argv[1]))
first = agent.threads.create("first").id  # a process's first turn imports for a second; those after it are what is meant
for _ in agent.stream("My friend Ann lives in Rome.", user_id="first", thread_id=first):
    pass
print(json.dumps({"ready": True}), flush=True)
number = int(sys.argv[3])
while True:
    thread = agent.threads.create("ann")
    print(json.dumps({"thread": thread.id}), flush=True)
    text = f"My friend Person{number} lives in City{number} and works as a baker."
    for event in agent.stream(text, user_id="ann", thread_id=thread.id):
        if event.kind == "Done":
            print(json.dumps({"done": thread.id, "city": f"City{number}"}), flush=True)
    number += 1
"""


def test_killed_twenty_times(tmp_path, fake_embedder):
    random.seed(0)
    root = str(Path(__file__).parents[2])
    created: set[str] = set()
    finished: dict[str, str] = {}
    for round_number in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path), root, str(round_number * 1000)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert "ready" in ready, process.stderr.read() if process.stderr else ""
        time.sleep(random.uniform(0.05, 0.8))
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        for line in output.splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue  # the line that was being printed
            if "thread" in said:
                created.add(said["thread"])
            if "done" in said:
                finished[said["done"]] = said["city"]
    assert len(finished) >= ROUNDS, "the turns must really have been running"

    store = ThreadStore(tmp_path / "threads.db")
    kept = {thread.id for thread in store.list("ann", limit=100_000)}
    assert created <= kept
    statuses = [message.status for thread in kept for message in store.messages("ann", thread)]
    assert "running" not in statuses
    for thread in finished:
        answers = [m for m in store.messages("ann", thread) if m.role == "assistant"]
        assert [m.status for m in answers] == ["complete"]
    pending = {job[0] for job in store.jobs()}
    store.close()

    # a start does what was still to be thought about
    from tests.agents.fakes import make_agent

    agent = make_agent(tmp_path)
    deadline = time.monotonic() + 30
    while agent.threads.jobs() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not agent.threads.jobs(), pending
    agent.close()

    with ThoughtMemory(tmp_path / "memory", fake_embedder) as memory:
        thoughts = memory.list(user_id="ann", limit=100_000, include_inactive=True)
        texts = [thought.text for thought in thoughts]
        assert len(texts) == len(set(texts)), "a thought stands twice"
        assert all(text.endswith(".") and text.startswith("My friend Person") for text in texts)
        for city in finished.values():
            assert any(city in text.rstrip(".").split() for text in texts), f"{city} was acknowledged and is lost"
            hits = memory.search(f"Who lives in {city}?", user_id="ann", k=3)
            assert any(city in hit.thought.text for hit in hits)
