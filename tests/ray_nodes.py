"""A Ray cluster on this machine: a head without cores and nodes of one core each."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from facerelief.files.locks import lock_file

_SMALL = {"object_store_memory": 80_000_000}
_PORTS = 1000  # of each node's processes


@contextmanager
def ray_cluster(port: int, nodes: int) -> Iterator[tuple[Any, list[Any]]]:
    """Yields the cluster, whose `remove_node` kills a node, and its nodes; `port`: of ray://127.0.0.1:PORT."""
    from ray.cluster_utils import Cluster

    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with (
        open(Path(tempfile.gettempdir()) / "facerelief-ray-tests", "w") as one_at_a_time,
        pytest.MonkeyPatch.context() as patch,  # what the nodes' processes inherit
    ):
        lock_file(one_at_a_time.fileno(), wait=True)  # two clusters on a machine of two cores starve each other
        patch.setenv("PYTHONPATH", path)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "600")  # on a busy machine its 30 s are too few
        ports = [(port + _PORTS * n + 100, port + _PORTS * (n + 1)) for n in range(nodes + 1)]
        own = [{"min_worker_port": low, "max_worker_port": high, **_SMALL} for low, high in ports]
        head = {**own[0], "num_cpus": 0, "ray_client_server_port": port, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, connect=False, head_node_args=head)
        try:
            yield cluster, [cluster.add_node(num_cpus=1, **one) for one in own[1:]]
        finally:
            cluster.shutdown()
