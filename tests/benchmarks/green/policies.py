"""Each switch off and on, with the default model: operations, CPU seconds and joules (estimated from these).

The two take turns and the median counts. The dialogue part has the tokens of recalled thoughts beside the whole chat.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bethink.models.chat import ChatLocal
from bethink.models.energy import Span
from bethink.models.registry import load_chat_model, warm_up
from tests.benchmarks.green.script import FACTS, TALK
from tests.benchmarks.report import Bar, alternate, bar, show

ROUNDS = 3
PROMPT, PREFIX, ANSWER = 1024, 768, 16
TEXT = " ".join(answer for _, answer in TALK)


def cpu_s(run: Callable[[], object]) -> float:
    """CPU seconds of a call, its thread pools' too."""
    with Span("run", "model") as span:
        run()
    return span.cpu_s


def opened(**options: Any) -> ChatLocal:
    """The default model, loaded."""
    model = load_chat_model("smollm2", **options)
    assert isinstance(model, ChatLocal)
    warm_up(model)
    return model


def tokens(model: ChatLocal, count: int, salt: str) -> list[int]:
    """So many tokens of text that begins with ``salt``."""
    ids = model.engine.tokenizer.encode(f"{salt} {TEXT * 6}", add_special_tokens=False)
    return list(ids[:count])


def kept_prefix(model: ChatLocal) -> tuple[dict[str, float], bool]:
    """CPU seconds of a prompt whose first tokens were read before, and whether the answers are the same tokens."""
    prefix, answers = tokens(model, PREFIX, "Once"), {}
    ends = [tokens(model, PROMPT - PREFIX, f"Number {number}") for number in range(ROUNDS + 1)]
    numbers = {"off": iter(range(ROUNDS)), "on": iter(range(ROUNDS))}

    def ask(switch: str) -> float:
        engine, number = model.engine, next(numbers[switch])
        engine.forget_kept()
        engine.keep_prefix = switch == "on"
        list(engine.generate([*prefix, *ends[-1]], max_new_tokens=1))
        ids = [*prefix, *ends[number]]
        out: list[int] = []
        found = cpu_s(lambda: out.extend(engine.generate(ids, max_new_tokens=ANSWER)))
        answers[switch, number] = out
        return found

    found = alternate({"off": lambda: ask("off"), "on": lambda: ask("on")}, ROUNDS)
    model.engine.keep_prefix = True
    return found, all(answers["off", number] == answers["on", number] for number in range(ROUNDS))


def formats() -> tuple[dict[str, float], dict[str, float]]:
    """CPU seconds of a prompt and an answer in float32 and int8, and the perplexity of each."""
    models = {"off": opened(precision="fp32"), "on": opened(precision="int8")}
    salts = iter(range(100))

    def ask(model: ChatLocal) -> float:
        ids = tokens(model, PROMPT, f"Text {next(salts)}")
        return cpu_s(lambda: list(model.engine.generate(ids, max_new_tokens=ANSWER)))

    found = alternate({name: lambda model=model: ask(model) for name, model in models.items()}, ROUNDS)  # type: ignore[misc]
    quality = {name: model.engine.perplexity(tokens(model, 400, "")) for name, model in models.items()}
    return found, quality


def turn_cpu(model: ChatLocal, folder: Path, asked: list[str], **policies: Any) -> dict[str, float]:
    """CPU seconds of turns, each in a chat of its own, by kind of span."""
    from bethink.agents import Agent
    from bethink.agents.policies import Policies
    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import SentenceEmbedder
    from bethink.tools import all_tools

    embedder = SentenceEmbedder()
    memory = ThoughtMemory(folder / "memory", embedder)
    agent = Agent(model, memory, embedder, all_tools(), folder, policies=Policies(**policies))
    try:
        agent.warm_up()
        for text in asked:
            for event in agent.stream(text, user_id="ann", thread_id=agent.threads.create("ann").id):
                if event.kind == "Done" and event.status != "complete":  # type: ignore[attr-defined]
                    raise RuntimeError(f"a turn ended as {event}")
        while agent.threads.jobs():
            time.sleep(0.05)
        found = {each["kind"]: float(each["t_cpu_s"]) for each in agent.ledger.per_kind("ann")}
        return {"tokens_in": float(sum(each["tokens_in"] for each in agent.ledger.per_kind("ann"))), **found}
    finally:
        agent.close()


def turns(
    model: ChatLocal, name: str, off: tuple[list[str], dict[str, Any]], on: tuple[list[str], dict[str, Any]]
) -> dict[str, dict[str, float]]:
    """What two ways of asking cost, each in a fresh data folder."""
    found = {}
    for switch, (asked, policies) in (("off", off), ("on", on)):
        model.engine.forget_kept()
        with tempfile.TemporaryDirectory() as folder:
            found[switch] = turn_cpu(model, Path(folder), asked, **policies)
        print(f"  {name}, {switch}: {found[switch]}")
    return found


def resident_mb() -> float:
    """Memory of this process, MB; 0 where it cannot be read."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def unloading(model: ChatLocal) -> dict[str, float]:
    """Memory with and without the weights, and what loading them again takes."""
    list(model.engine.generate(tokens(model, 64, "Memory"), max_new_tokens=4))
    before = resident_mb()
    model.unload()
    gc.collect()
    after = resident_mb()
    start = time.perf_counter()
    cost = cpu_s(lambda: warm_up(model))
    return {"loaded_mb": before, "unloaded_mb": after, "loading_s": time.perf_counter() - start, "loading_cpu_s": cost}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Measure all of it."""
    formatted, quality = formats()
    gc.collect()
    model = opened()
    kept, same = kept_prefix(model)
    question, facts = TALK[0][0], [fact for fact, _, _ in FACTS[:10]]
    repeats = turns(model, "repeat_answers", ([question] * 3, {}), ([question] * 3, {"repeat_answers": True}))
    words, command = (
        "Find films about a lonely astronaut",
        '/search_catalog {"query": "a lonely astronaut", "domain": "films"}',
    )
    commands = turns(model, "exact commands", ([words], {}), ([command], {}))
    deferred = turns(model, "think_after_s", (facts, {}), (facts, {"think_after_s": 1.0}))
    idle = unloading(model)

    def total(found: dict[str, float]) -> float:
        return sum(value for name, value in found.items() if name != "tokens_in")

    pairs = {
        f"keep_prefix ({PREFIX} of {PROMPT} tokens)": (kept["off"], kept["on"]),
        "precision: fp32, int8": (formatted["off"], formatted["on"]),
        "repeat_answers (one question, three chats)": (total(repeats["off"]), total(repeats["on"])),
        "exact command instead of a request": (total(commands["off"]), total(commands["on"])),
        "think_after_s (thinking about 10 turns)": (deferred["off"]["memory"], deferred["on"]["memory"]),
    }
    rows = [(name, off, on, 100 * (1 - on / off)) for name, (off, on) in pairs.items()]
    show("CPU s, median where they take turns", ("switch", "off", "on", "less, %"), rows)
    figures: dict[str, Any] = {
        "cpu_s": {name: {"off": off, "on": on} for name, (off, on) in pairs.items()},
        "same_tokens_with_kept_prefix": same,
        "perplexity": quality,
        "turns": {"repeat_answers": repeats, "exact_command": commands, "think_after_s": deferred},
        "unload_after_min": idle,
        "kernels": model.engine.describe(),
        "rounds": ROUNDS,
    }
    return [
        bar("keep_prefix: CPU s less, share", 1 - kept["on"] / kept["off"], ">=", 0.4),
        bar("keep_prefix: the same tokens (1: yes)", float(same), ">=", 1),
        bar("int8: CPU s less than fp32, share", 1 - formatted["on"] / formatted["off"], ">=", 0.0),
        bar("int8: perplexity beside fp32, ratio", quality["on"] / quality["off"], "<=", 1.02),
    ], figures
