from __future__ import annotations

import threading
import time

import pytest

from bethink.memory.gate import Gate


def test_one_alone_or_many_together():
    gate, inside, most, broken = Gate(), [], [0], []

    def pass_through() -> None:
        for _ in range(50):
            with gate.passing():
                inside.append(1)
                most[0] = max(most[0], len(inside))
                time.sleep(0.0005)
                inside.pop()

    def be_alone() -> None:
        for _ in range(20):
            with gate.alone():
                before = len(inside)
                time.sleep(0.001)
                broken.extend([1] * (before or len(inside)))

    threads = [threading.Thread(target=pass_through) for _ in range(4)]
    threads += [threading.Thread(target=be_alone) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert broken == []
    assert most[0] > 1


@pytest.mark.parametrize("way", ["passing", "alone"])
def test_a_failure_leaves_the_gate_open(way):
    gate = Gate()
    with pytest.raises(KeyError), getattr(gate, way)():
        raise KeyError
    with gate.alone():
        pass
    with gate.passing():
        pass
