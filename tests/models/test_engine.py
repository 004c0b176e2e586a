from __future__ import annotations

import math
import threading
import time

import pytest
import torch

from bethink.models.engine import KEPT_SEQUENCES, ContextOverflowError, Engine, physical_cores


class CountingDecoder:
    """A fake decoder: the next token is the last plus one; it notes what it was given to read."""

    kernel, layers, width, context_length, block = "fake", 0, 0, 64, 1

    class Cache:
        nbytes = 1000

        def __init__(self, ids=()):
            self.ids = list(ids)

        @property
        def length(self):
            return len(self.ids)

        def crop(self, length):
            del self.ids[length:]

        def clone(self, length):
            return CountingDecoder.Cache(self.ids[:length])

    def __init__(self, delay: float = 0.0):
        self.read: list[list[int]] = []
        self.delay = delay

    def new_cache(self, capacity=512):
        return self.Cache()

    def forward(self, ids, cache, *, prompt=False, every=False):
        time.sleep(self.delay)
        self.read.append(list(ids))
        cache.ids.extend(ids)
        logits = torch.zeros(1000)
        logits[(ids[-1] + 1) % 1000] = 5.0
        return logits


def engine(delay: float = 0.0, stops=()) -> Engine:
    return Engine(CountingDecoder(delay), None, stops, name="fake")


def test_it_counts_on_and_says_what_it_took():
    made = engine()
    assert list(made.generate([1, 2, 3], max_new_tokens=4)) == [4, 5, 6, 7]
    assert (made.last.tokens_in, made.last.tokens_out, made.last.finish_reason) == (3, 4, "length")


def test_a_stop_token_ends_and_is_not_given():
    made = engine(stops={6})
    assert list(made.generate([1, 2, 3], max_new_tokens=10)) == [4, 5]
    assert made.last.finish_reason == "stop"


def test_only_what_is_new_is_read():
    made = engine()
    list(made.generate(list(range(20)), max_new_tokens=2))
    made.decoder.read.clear()
    list(made.generate([*range(18), 500, 501], max_new_tokens=1))
    assert made.decoder.read[:2] == [[500], [501]]
    assert made.last.tokens_in_cached == 18
    # the first sequence is still there, untouched
    made.decoder.read.clear()
    list(made.generate([*range(20), 20], max_new_tokens=1))
    assert made.decoder.read[0] == [20]


def test_the_same_prompt_again_reads_one_token():
    made = engine()
    first = list(made.generate(list(range(30)), max_new_tokens=3))
    made.decoder.read.clear()
    assert list(made.generate(list(range(30)), max_new_tokens=3)) == first
    assert made.decoder.read[0] == [29]


def test_few_sequences_are_kept():
    made = engine()
    for start in range(20):
        list(made.generate([start * 30 + i for i in range(25)], max_new_tokens=1))
    assert len(made._kept) <= KEPT_SEQUENCES


def test_a_listener_that_leaves_spoils_nothing():
    made = engine()
    tokens = made.generate([1, 2, 3], max_new_tokens=50)
    assert [next(tokens), next(tokens)] == [4, 5]
    tokens.close()
    for kept in made._kept:
        assert kept.cache.ids == kept.ids
    assert list(made.generate([1, 2, 3], max_new_tokens=3)) == [4, 5, 6]


def test_cancel_stops_within_a_token_and_before_the_prompt():
    made = engine(delay=0.01)
    cancel = threading.Event()
    out = []
    for token in made.generate([1], max_new_tokens=60, cancel=cancel):
        out.append(token)
        if len(out) == 3:
            cancel.set()
    assert len(out) == 3
    assert made.last.finish_reason == "cancelled"
    made.decoder.read.clear()
    assert list(made.generate([900, 901], max_new_tokens=5, cancel=cancel)) == []
    assert made.decoder.read == []


def test_texts_are_written_in_the_order_they_were_asked_for_and_each_is_told_its_place():
    made = engine(delay=0.01)
    first = made.generate([1], max_new_tokens=30)
    next(first)
    told: dict[int, list[int]] = {number: [] for number in range(4)}
    ended: list[int] = []
    gone = threading.Event()

    def ask(number: int) -> None:
        cancel = gone if number == 1 else threading.Event()
        list(made.generate([number], max_new_tokens=2, cancel=cancel, waiting=told[number].append))
        ended.append(number)

    threads = []
    for number in range(4):
        threads.append(threading.Thread(target=ask, args=(number,)))
        threads[-1].start()
        deadline = time.monotonic() + 20
        while not told[number] and time.monotonic() < deadline:
            time.sleep(0.005)
    gone.set()  # who leaves the line does not hold up those behind
    threads[1].join(timeout=20)
    assert ended == [1]
    first.close()
    for thread in threads:
        thread.join(timeout=20)
    assert ended == [1, 0, 2, 3]
    assert [told[number][0] for number in range(4)] == [1, 2, 3, 4]
    assert told[1] == [2]
    assert all(places == sorted(places, reverse=True) and places[-1] == 0 for n, places in told.items() if n != 1)
    assert list(made.generate([1], max_new_tokens=2)) == [2, 3]


def test_a_prompt_that_does_not_fit_is_a_sentence():
    made = engine()
    with pytest.raises(ContextOverflowError, match="64 tokens"):
        list(made.generate(list(range(64)), max_new_tokens=1))
    with pytest.raises(ValueError, match="empty"):
        list(made.generate([], max_new_tokens=1))
    assert len(list(made.generate(list(range(60)), max_new_tokens=50))) == 4


def test_sampling_follows_its_seed():
    made = engine()
    runs = [list(made.generate([1], max_new_tokens=10, temperature=5.0, seed=seed)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    nucleus = list(made.generate([1], max_new_tokens=10, temperature=1.0, top_p=0.01, seed=3))
    assert nucleus == list(range(2, 12))


def test_the_repetition_penalty_counts_generated_tokens_only():
    class Stuck(CountingDecoder):
        def forward(self, ids, cache, *, prompt=False, every=False):
            super().forward(ids, cache)
            logits = torch.zeros(1000)
            logits[7], logits[8] = 2.0, 1.9
            return logits

    made = Engine(Stuck(), None, ())
    assert list(made.generate([7, 7, 7], max_new_tokens=2, repetition_penalty=1.2)) == [7, 8]


def test_forced_tokens_are_read_in_one_go():
    class Fixed:
        def __init__(self):
            self.taken: list[int] = []

        @property
        def done(self):
            return len(self.taken) == 5

        def mask(self, logits):
            logits[:] = float("-inf")
            logits[42] = 0.0

        def accept(self, token):
            self.taken.append(token)

        def forced(self):
            return [10, 11, 12] if not self.taken else []

        def hurry(self):
            return False

    made = engine()
    made.context_length = 1000  # room to close what a grammar began
    assert list(made.generate([1], max_new_tokens=20, constraint=Fixed())) == [10, 11, 12, 42, 42]
    assert made.last.finish_reason == "grammar"
    assert made.decoder.read[1] == [10, 11, 12]


def test_kept_prefixes_do_not_change_the_real_models_answer(smollm2):
    made = smollm2.engine
    story = "<|im_start|>user\n" + "The garden was wet after the rain. " * 30
    prompt = made.tokenizer.encode(story + "Name three colours.<|im_end|>\n<|im_start|>assistant\n")
    made.forget_kept()
    fresh = list(made.generate(prompt, max_new_tokens=20))
    assert made.last.tokens_in_cached == 0
    made.forget_kept()
    list(made.generate(made.tokenizer.encode(story + "And now for something else."), max_new_tokens=5))
    again = list(made.generate(prompt, max_new_tokens=20))
    assert made.last.tokens_in_cached >= 128
    assert again == fresh


def test_cores_are_counted():
    assert 1 <= physical_cores() <= 1024


def test_what_may_follow_has_the_probabilities_of_its_tokens(smollm2):
    made = smollm2.engine
    ids = smollm2._encode("The capital of France is")
    options = [smollm2._encode(text) for text in (" Paris", " Paris.", " Paris, the", " Rome")]
    found = made.likelihoods(ids, options)
    for option, likelihood in zip(options, found, strict=True):
        alone = made.perplexity(ids + option, prompt=len(ids)) ** -len(option)
        # perplexity reads a token at a time, with int8 activations: a tenth of a nat for each is let pass
        assert math.log(likelihood) == pytest.approx(math.log(alone), abs=0.1 * len(option))
    assert found[0] > found[1] > 0
    assert found[0] > found[3]
    assert made.likelihoods(ids, options[:1]) == pytest.approx(found[:1])  # the prompt is kept, the options are not
    assert made.likelihoods(ids, []) == []


def test_every_token_that_may_follow_together_are_certain(smollm2):
    ids = smollm2._encode("Tea or")
    assert sum(smollm2.engine.likelihoods(ids, [[token] for token in range(49152)])) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("ids", "options"), [([], [[1]]), ([1], [[]]), ([1], [[2], []])])
def test_nothing_has_no_probability(ids, options):
    with pytest.raises(ValueError, match="empty"):
        engine().likelihoods(ids, options)


def test_what_does_not_fit_into_the_context_is_told():
    with pytest.raises(ContextOverflowError, match="63 tokens"):
        engine().likelihoods(list(range(63)), [[1, 2]])
