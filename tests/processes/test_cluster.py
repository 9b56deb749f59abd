"""The map over a Ray cluster of three nodes on this machine: order, deaths of items and of nodes, what is refused."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.processes import cluster as module
from facerelief.processes.cluster import Spread, View, check_cluster, map_over
from facerelief.processes.pool import WorkerLost

ray = pytest.importorskip("ray", reason="needs the extra `cluster`")
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that Ray leaves open
PORT = 20051
ADDRESS = f"ray://127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Any]]:
    """A head without cores, and nodes of one core each: `nodes[0].pop_node()` kills one."""
    from ray.cluster_utils import Cluster

    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0")
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    before, os.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH"), path
    small = {"object_store_memory": 80_000_000, "include_dashboard": False}
    ports = [{"min_worker_port": 23000 + 1000 * n, "max_worker_port": 23999 + 1000 * n} for n in range(3)]
    head = {**small, **ports[0], "num_cpus": 0, "ray_client_server_port": PORT}
    one = Cluster(initialize_head=True, connect=False, head_node_args=head)
    yield [one, *(one.add_node(num_cpus=1, object_store_memory=80_000_000, **ports[n]) for n in (1, 2))]
    one.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def over(items: list[Any], **more: Any) -> list[Any]:
    from on_cluster import begin

    return list(map_over(Spread(ADDRESS), begin, (), items, **more))


def test_results_in_order(nodes: list[Any]) -> None:
    assert over([3, 1, 2, 40]) == [9, 1, 4, 1600]


def test_an_item_at_which_processes_die_is_lost_alone(nodes: list[Any], tmp_path: Path) -> None:
    assert over([2, "die", 3], lost=lambda item, why: why.split(",")[0]) == [4, "its process died", 9]
    with pytest.raises(WorkerLost):
        over(["die"])


def test_an_item_that_hangs(nodes: list[Any]) -> None:
    assert over([2, "hang"], lost=lambda item, why: why, seconds=3.0) == [4, "not done in 3 s"]


def test_errors_keep_their_kind(nodes: list[Any]) -> None:
    with pytest.raises(NoFaceFound, match="none here"):
        over([1, "fail"])


def test_another_version(nodes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ours = module.versions()
    monkeypatch.setattr(module, "versions", lambda: ours | {"numpy": "0.1"})
    with pytest.raises(FacereliefError, match=r"machines differ: .* has numpy .*, this machine 0.1; install the same"):
        over([1])


def test_another_view(nodes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from on_cluster import process

    with pytest.raises(FacereliefError, match="does not see what this machine sees; share it"):
        over([1], view=View(process, "share it"))


def test_a_node_is_killed(nodes: list[Any], tmp_path: Path) -> None:
    """The items of its process are done by the others."""
    done: list[Any] = []
    from on_cluster import slow

    for value in map_over(Spread(ADDRESS, 2), slow, (), list(range(12))):
        done.append(value)
        if len(done) == 3:
            nodes[0].remove_node(nodes.pop(), allow_graceful=False)
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
        FacereliefError, match=f"the cluster ray://127.0.0.1:{port} cannot be used .*refused"
    ) as problem:
        list(map_over(Spread(f"ray://127.0.0.1:{port}"), abs, (), [1]))
    assert "\n" not in str(problem.value)
