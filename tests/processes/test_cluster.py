"""The map over a Ray cluster of three nodes on this machine: order, deaths of items and of nodes, what is refused."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray_nodes import ray_cluster

from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.processes import cluster as module
from facerelief.processes.cluster import Spread, View, check_cluster, map_over
from facerelief.processes.pool import WorkerLost

ray = pytest.importorskip("ray", reason="needs the extra `cluster`")
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that Ray leaves open
PORT = 24000
ADDRESS = f"ray://127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Any, list[Any]]]:
    """The cluster and its two nodes."""
    with ray_cluster(PORT, 2) as found:
        yield found


def over(items: list[Any], **more: Any) -> list[Any]:
    from on_cluster import begin

    return list(map_over(Spread(ADDRESS), begin, (), items, **more))


def test_results_in_order(nodes: tuple[Any, list[Any]]) -> None:
    assert over([3, 1, 2, 40]) == [9, 1, 4, 1600]


def test_an_item_at_which_processes_die_is_lost_alone(nodes: tuple[Any, list[Any]], tmp_path: Path) -> None:
    assert over([2, "die", 3], lost=lambda item, why: why.split(",")[0]) == [4, "its process died", 9]
    with pytest.raises(WorkerLost):
        over(["die"])


def test_an_item_that_hangs(nodes: tuple[Any, list[Any]]) -> None:
    assert over([2, "hang"], lost=lambda item, why: why, seconds=3.0) == [4, "not done in 3 s"]


def test_errors_keep_their_kind(nodes: tuple[Any, list[Any]]) -> None:
    with pytest.raises(NoFaceFound, match="none here"):
        over([1, "fail"])


def test_another_version(nodes: tuple[Any, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    ours = module.versions()
    monkeypatch.setattr(module, "versions", lambda: ours | {"numpy": "0.1"})
    with pytest.raises(FacereliefError, match=r"machines differ: .* has numpy .*, this machine 0.1; install the same"):
        over([1])


def test_another_view(nodes: tuple[Any, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    from on_cluster import process

    with pytest.raises(FacereliefError, match="does not see what this machine sees; share it"):
        over([1], view=View(process, "share it"))


def test_a_node_is_killed(nodes: tuple[Any, list[Any]], tmp_path: Path) -> None:
    """The items of its process are done by the others."""
    done: list[Any] = []
    from on_cluster import slow

    for value in map_over(Spread(ADDRESS, 2), slow, (), list(range(12))):
        done.append(value)
        if len(done) == 3:
            nodes[0].remove_node(nodes[1].pop(), allow_graceful=False)
    assert done == [n * n for n in range(12)]


# -- without a cluster ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "ray", "ray://host", "ray://host:port", "http://host:1", "ray://a b:1"])
def test_what_is_no_cluster(text: str) -> None:
    with pytest.raises(FacereliefError, match="give local, auto or ray://HOST:PORT"):
        check_cluster(text)


def test_nobody_is_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        FacereliefError, match=f"the cluster ray://127.0.0.1:{port} does not answer .*refused"
    ) as problem:
        list(map_over(Spread(f"ray://127.0.0.1:{port}"), abs, (), [1]))
    assert "\n" not in str(problem.value)
