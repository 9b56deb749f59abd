"""A dataset built by three Ray nodes on one machine, from S3 to shards, while a node and the driver are killed.

    python benchmarks/cluster_build.py PHOTOS --most 2000 --work /tmp/cluster

Afterwards every file of the shards is compared with those that one process makes of the same photos in a folder, bit
for bit: rows, rejects, crops, depth, normals, masks, meshes. Needs the extras `cluster` and `remote`, and moto[server].
The S3 server is moto's, on loopback.
"""

import argparse
import filecmp
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facerelief.data.sources.layouts import read_labelled

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
CLIENT_PORT, FACERELIEF = 20041, (sys.executable, "-m", "facerelief")


def main() -> None:
    arguments = _arguments()
    work: Path = arguments.work
    shutil.rmtree(work, ignore_errors=True)
    photos = copy_some(arguments.photos, work / "photos", arguments.most)
    count = sum(path.is_file() for path in photos.rglob("*"))
    with s3_server() as fs, three_nodes() as kill_node:
        fs.put(f"{photos}/", "bucket/photos", recursive=True)
        log, address = work / "cluster.log", f"ray://127.0.0.1:{CLIENT_PORT}"
        command = [*FACERELIEF, "dataset", "build", "s3://bucket/photos", "--shards", "-o", "s3://bucket/shards"]
        command += ["--per-shard", str(arguments.per_shard), "--cluster", address]
        began = time.monotonic()
        interrupted(command, log, lambda: parts(fs), count // arguments.per_shard, kill_node)
        subprocess.run([*command], check=True, stdout=log.open("a"), stderr=subprocess.STDOUT)
        seconds = time.monotonic() - began
        convert = [*FACERELIEF, "dataset", "convert", "s3://bucket/shards", "-o", str(work / "back")]
        subprocess.run(convert, check=True)
        stored = sum(facts["size"] for facts in fs.find("bucket/shards", detail=True).values())
    local = [*FACERELIEF, "dataset", "build", str(photos), "-o", str(work / "folder"), "--workers", "1"]
    began = time.monotonic()
    subprocess.run(local, check=True, stdout=log.open("a"), stderr=subprocess.STDOUT)
    facts = compare(work / "folder", work / "back")
    facts |= {
        "photos": count,
        "cluster_seconds": round(seconds, 1),
        "local_seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(facts | {"bytes_a_photo": round(stored / count), "cores": os.cpu_count()}))
    sys.exit(bool(facts["different"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="as `dataset build` takes them")
    parser.add_argument("--most", type=int, default=2000, help="photos to use")
    parser.add_argument("--per-shard", type=int, default=64)
    parser.add_argument("--work", type=Path, required=True, help="an own folder; what is there is deleted")
    return parser.parse_args()


def copy_some(photos: Path, target: Path, most: int) -> Path:
    """The first photos of every class in turn, as folders of classes."""
    by_class: dict[str, list[Path]] = {}
    for one in read_labelled(photos).photos:
        by_class.setdefault(one.expression, []).append(one.photo)
    chosen, turn = 0, 0
    while chosen < most and any(turn < len(group) for group in by_class.values()):
        for name, group in by_class.items():
            if turn < len(group) and chosen < most:
                (target / name).mkdir(parents=True, exist_ok=True)
                shutil.copy(group[turn], target / name / group[turn].name)
                chosen += 1
        turn += 1
    return target


@contextmanager
def s3_server() -> Iterator[object]:
    """An S3 server on loopback with an empty bucket, to which the environment points; yields its file system."""
    import fsspec
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    os.environ.update(KEYS, AWS_ENDPOINT_URL="http://{}:{}".format(*server.get_host_and_port()))
    fs = fsspec.filesystem("s3")
    fs.mkdir("bucket")
    yield fs
    server.stop()


@contextmanager
def three_nodes() -> Iterator[object]:
    """A Ray cluster of three nodes of one core; yields a function that kills one of them."""
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0", RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S="600"
    )
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 100_000_000}
    head = {**small, "ray_client_server_port": CLIENT_PORT, "include_dashboard": False}
    ports = [{"min_worker_port": 21000 + 1000 * n, "max_worker_port": 21999 + 1000 * n} for n in range(3)]
    cluster = Cluster(initialize_head=True, connect=False, head_node_args={**head, **ports[0]})
    nodes = [cluster.add_node(**small, **ports[n]) for n in (1, 2)]
    yield lambda: cluster.remove_node(nodes.pop(), allow_graceful=False)
    cluster.shutdown()


def interrupted(command: list[str], log: Path, done: object, shards: int, kill_node: object) -> None:
    """Run the command; kill a node when a quarter of the shards are done, and the driver when half are."""
    with log.open("w") as stream:
        driver = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
    watch, began = threading.Event(), time.monotonic()
    for share, kill, what in ((0.25, kill_node, "node"), (0.5, lambda: driver.send_signal(signal.SIGKILL), "driver")):
        while done() < share * shards and driver.poll() is None:
            watch.wait(0.5)
        if driver.poll() is not None:
            raise SystemExit(f"the build ended with {driver.returncode} before the {what} was killed; see {log}")
        kill()
        print(f"{what} killed after {time.monotonic() - began:.0f} s, at {done()} shards of {shards}", flush=True)
    driver.wait()


def parts(fs: object) -> int:
    """Number of finished shards."""
    fs.invalidate_cache()
    return len(fs.find("bucket/shards/parts"))


def compare(one: Path, other: Path) -> dict[str, object]:
    """Files of the dataset `one` that `other` does not have alike; rows and rejects are among them."""
    ours = {"build.jsonl", "overrides.csv", "review.html"}  # of a folder alone
    files = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file() and path.name not in ours]
    different = [str(name) for name in files if not (other / name).is_file() or not _same(one / name, other / name)]
    more = [str(path) for path in other.rglob("*") if path.is_file() and not (one / path.relative_to(other)).is_file()]
    rows = [len((one / name).read_text().splitlines()) - 1 for name in ("metadata.csv", "rejects.csv")]
    more = [name for name in more if Path(name).name != "shards.json"]
    return {"samples": rows[0], "rejects": rows[1], "files": len(files), "different": different + more}


def _same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


if __name__ == "__main__":
    main()
