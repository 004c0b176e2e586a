from __future__ import annotations

import threading

import pytest
import torch

from bethink.tools.threads import SMALL, one_thread_if_small


@pytest.mark.skipif(torch.get_num_threads() < 2, reason="this machine has one core")
def test_only_the_calling_thread_and_only_small_work_is_limited():
    before, seen = torch.get_num_threads(), []
    with one_thread_if_small(SMALL - 1):
        assert torch.get_num_threads() == 1
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [before]
    with one_thread_if_small(SMALL):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
