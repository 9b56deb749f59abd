"""Threads by the size of the work."""

import pytest
import torch

from facerelief.processes.threads import threads_for, torch_threads


@pytest.mark.parametrize(
    ("work", "cores", "expected"),
    [
        ((6, 32, 8), 2, 1),  # 49,152 values a map
        ((16, 64, 32), 2, 2),  # 2.1 million: training with the preset `cpu`
        ((16, 64, 32), 64, 10),
        ((32, 128, 64), 64, 64),
        ((1, 128, 48), 2, 2),  # an edit by the package's network
    ],
)
def test_threads_follow_the_size_of_the_work(
    monkeypatch: pytest.MonkeyPatch, work: tuple[int, int, int], cores: int, expected: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert threads_for(*work) == expected


def test_threads_are_given_back_whatever_happens() -> None:
    def fail() -> None:
        assert torch.get_num_threads() == 3
        raise KeyError

    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(3):
        fail()
    assert torch.get_num_threads() == before
