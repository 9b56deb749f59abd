"""What processes of a training say where they do not come together; no second process is started."""

from typing import Any

import pytest

from facerelief.errors import FacereliefError
from facerelief.training.run import collectives


def refusal(action: Any) -> str:
    with pytest.raises(FacereliefError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two processes, whose first is nowhere."""
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("second")
def test_nobody_listens() -> None:
    said = refusal(lambda: collectives.await_first_process(0))
    assert said.startswith("the first of the 2 processes of this training is not at 127.0.0.1:9 (")
    assert said.endswith("Connection refused); start it, and give all of them its address")


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize(("name", "value"), [("MASTER_ADDR", "nowhere.invalid"), ("MASTER_PORT", "door")])
def test_no_such_place(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert value in refusal(collectives.await_first_process)


def test_processes_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectives, "gathered", lambda value: [value, {**value, "seed": 1}])
    assert refusal(lambda: collectives.check_agreement({"size": 64, "seed": 0})) == (
        "the processes of this training differ in seed: 0 and 1; start all of them with the same command, dataset and "
        "versions"
    )


def test_a_process_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("[pair.cc:537] Read error\nmore")

    monkeypatch.setattr(collectives, "processes", lambda: 2)
    monkeypatch.setattr(collectives.dist, "all_gather_object", broken)
    assert refusal(lambda: collectives.gathered(1)) == (
        "another process of this training is gone ([pair.cc:537] Read error); start all of them again, and it goes on "
        "from the last saved state"
    )
