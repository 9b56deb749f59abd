"""How a build of shards scales: a model in closed form, beside a simulation of its queue of shards.

    python benchmarks/cluster_model.py --photo-seconds 0.034 --pairs-per-second 1.5e8

W workers, one a core, take shards of K photos from a queue. A photo costs t seconds of a core, b_in bytes read, b_out
written; a node of C cores shares one link. The driver hands out shards, s seconds each, and at the end reads the rows
and reviews them: r seconds a photo, and all pairs of photos. In closed form

    rate = min(W / t', links, GETs of the store, K / s),   t' = t + (b_in + b_out) C / link
    wall = N / rate + K t' / 2 + N r + N^2 / (2 p)

since the last shard is on average half done when the queue is empty. The simulation draws the time of each photo.
"""

import argparse
import heapq
import json
import random
from dataclasses import dataclass

SIZES, WORKERS = (87_000, 1_000_000, 100_000_000), (16, 256, 4096)
_MOST_SIMULATED = 2_000_000  # shards; beyond them the queue is simulated for these and scaled


@dataclass(frozen=True)
class Costs:
    """What things take.

    Attributes:
        photo: Seconds of a core for a photo.
        read: Bytes of a photo.
        written: Bytes of a sample, all files.
        per_shard: Photos.
        cores: Of a node.
        link: Bytes a second of a node.
        gets: A second, of the store; S3 promises 5,500 for each prefix.
        hand_out: Seconds of the driver for a shard.
        row: Seconds of the driver for a row.
        pairs: Pairs of fingerprints a second.
    """

    photo: float
    read: float = 150e3
    written: float = 187e3
    per_shard: int = 256
    cores: int = 16
    link: float = 1.25e9
    gets: float = 5500.0
    hand_out: float = 0.01
    row: float = 100e-6
    pairs: float = 1.5e8

    @property
    def taken(self) -> float:
        """Seconds of a photo with its share of the link."""
        return self.photo + (self.read + self.written) * self.cores / self.link


def limits(costs: Costs, workers: int) -> dict[str, float]:
    """Photos a second that each part allows."""
    return {
        "cores": workers / costs.taken,
        "links": workers / costs.cores * costs.link / (costs.read + costs.written),
        "store": costs.gets,
        "driver": costs.per_shard / costs.hand_out,
    }


def predicted(costs: Costs, photos: int, workers: int) -> dict[str, float]:
    """Seconds of making shards and of the review, in closed form."""
    rate = min(limits(costs, min(workers, -(-photos // costs.per_shard))).values())
    shards = photos / rate + costs.per_shard * costs.taken / 2
    return {"shards": shards, "review": photos * costs.row + photos**2 / (2 * costs.pairs)}


def simulated(costs: Costs, photos: int, workers: int, seed: int = 0) -> float:
    """Seconds of making shards, by a queue of them; times of photos are drawn, with a deviation of half their mean."""
    draw = random.Random(seed)
    count = -(-photos // costs.per_shard)
    some = min(count, _MOST_SIMULATED)
    free = [0.0] * min(workers, some)
    driver = fetched = 0.0
    for number in range(some):
        size = min(costs.per_shard, photos - number * costs.per_shard)
        begin = max(heapq.heappop(free), driver)
        driver = begin + costs.hand_out if begin <= driver else driver + costs.hand_out
        fetched = max(fetched + size / costs.gets, begin)  # the store answers one request after the other
        work = sum_of(draw, size, costs.taken)
        heapq.heappush(free, max(begin + work, fetched))
    return max(free) * count / some


def sum_of(draw: random.Random, count: int, mean: float) -> float:
    """The sum of `count` times, by the central limit."""
    return max(0.0, draw.gauss(count * mean, 0.5 * mean * count**0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--photo-seconds", type=float, required=True, help="of one core, as `dataset build --workers 1` takes"
    )
    parser.add_argument("--pairs-per-second", type=float, default=1.5e8)
    parser.add_argument("--per-shard", type=int, default=256)
    parser.add_argument("--read", type=float, default=150e3, help="bytes of a photo")
    parser.add_argument("--written", type=float, default=187e3, help="bytes of a sample, all files")
    parser.add_argument("--case", nargs=2, type=int, metavar=("PHOTOS", "WORKERS"), help="only this one, as JSON")
    arguments = parser.parse_args()
    costs = Costs(
        arguments.photo_seconds,
        arguments.read,
        arguments.written,
        arguments.per_shard,
        pairs=arguments.pairs_per_second,
    )
    if arguments.case:
        photos, workers = arguments.case
        seconds = {**predicted(costs, photos, workers), "simulated": simulated(costs, photos, workers)}
        print(json.dumps({name: round(value, 1) for name, value in seconds.items()}))
        return
    print("| photos | workers | photos/s | limit | shards, model | shards, simulated | review | core-hours |")
    print("|---|---|---|---|---|---|---|---|")
    for photos in SIZES:
        for workers in WORKERS:
            found = predicted(costs, photos, workers)
            allowed = limits(costs, workers)
            first = min(allowed, key=lambda name: allowed[name])
            shown = [hours(found["shards"]), hours(simulated(costs, photos, workers)), hours(found["review"])]
            rate, spent = photos / found["shards"], photos * costs.taken / 3600
            print(f"| {photos:,} | {workers:,} | {rate:,.0f} | {first} | {' | '.join(shown)} | {spent:,.0f} |")


def hours(seconds: float) -> str:
    """A time in its unit."""
    unit, size = next(((u, s) for u, s in (("d", 86400), ("h", 3600), ("min", 60)) if seconds >= 2 * s), ("s", 1))
    return f"{seconds / size:,.1f} {unit}"


if __name__ == "__main__":
    main()
