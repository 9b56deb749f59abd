"""The map of `pool` over the machines of a Ray cluster: actors hold what is loaded once, and items may be lost.

Nothing of the work passes through Ray but items and results: workers read and write files themselves.
"""

import importlib.util
import logging
import math
import os
import pickle
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from facerelief.errors import FacereliefError, MissingExtra
from facerelief.processes.pool import MIN_ITEMS, WorkerLost, map_in_processes
from facerelief.processes.versions import versions

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
LOCAL, AUTO, SCHEME = "local", "auto", "ray://"
_DEATHS = 3  # of an item's workers, after which the item is lost: a node that fails takes its items with it
_AHEAD = 20  # per worker: the most items that are done before an earlier one
_POLL_S, _REACH_S = 0.5, 10.0


class Spread(NamedTuple):
    """Where work is done.

    Attributes:
        cluster: "local" for this machine; "auto" for the cluster that this machine belongs to; or "ray://HOST:PORT".
        workers: Processes; by default one per core, of all machines.
        fewest: On this machine, fewer items are done by one worker.
    """

    cluster: str = LOCAL
    workers: int | None = None
    fewest: int = MIN_ITEMS


class View(NamedTuple):
    """What all machines must see alike.

    Attributes:
        look: Called on every machine.
        remedy: What to do where one gives another value.
    """

    look: Callable[[], object]
    remedy: str


def check_cluster(cluster: str) -> None:
    """Raises `FacereliefError` unless it is `local`, `auto` or `ray://HOST:PORT`, and somebody answers there."""
    if cluster not in (LOCAL, AUTO) and re.fullmatch(r"ray://[^\s/:]+:\d{1,5}", cluster) is None:
        raise FacereliefError(f"--cluster {cluster} is no cluster; give local, auto or ray://HOST:PORT")
    if cluster != LOCAL and importlib.util.find_spec("ray") is None:
        raise MissingExtra("ray", "cluster")
    if cluster.startswith(SCHEME):  # Ray itself would wait for minutes
        host, _, port = cluster.removeprefix(SCHEME).rpartition(":")
        try:
            socket.create_connection((host, int(port)), _REACH_S).close()
        except (OSError, OverflowError) as reason:
            raise FacereliefError(f"the cluster {cluster} does not answer ({reason}); check the address") from reason


def map_over(
    spread: Spread,
    start: Callable[..., Callable[[_Item], _Result]],
    arguments: tuple[Any, ...],
    items: Sequence[_Item],
    *,
    here: Callable[[_Item], _Result] | None = None,
    lost: Callable[[_Item, str], _Result] | None = None,
    seconds: float = math.inf,
    view: View | None = None,
) -> Iterator[_Result]:
    """Yield the result of every item, in order: `map_in_processes`, here or on a cluster.

    Args:
        spread: Where.
        start: As in `map_in_processes`, and so are the next ones; all of them are picklable.
        arguments: Of `start`.
        items: What to map.
        here: Used on this machine only.
        lost: Called if an item's worker died twice here or three times on a cluster, or it took longer than `seconds`.
        seconds: The longest that an item may take.
        view: What the cluster's machines must see as this one does.

    Raises:
        FacereliefError: The cluster cannot be reached or is lost, its machines have other versions or another view.
        WorkerLost: An item's workers died, and `lost` is None. Errors of `start` and of the work are raised too.

    Example:
        >>> list(map_over(Spread(workers=1), lambda: abs, (), [-1, 2]))
        [1, 2]
    """
    cluster, workers, fewest = spread
    check_cluster(cluster)
    if cluster == LOCAL:
        yield from map_in_processes(
            start, arguments, items, workers, here=here, lost=lost, seconds=seconds, fewest=fewest
        )
    elif items:
        ray = _connect(cluster)
        try:
            packed = pickle.dumps((start, arguments, view.look if view else None))
            count = min(len(items), workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
            crew = [_Member(ray, packed) for _ in range(count)]
            yield from _Crew(ray, cluster, crew, items, lost, seconds, view).results()
        finally:
            ray.shutdown()


def _connect(cluster: str) -> Any:
    """Ray's module, connected. Raises `FacereliefError` where the cluster does not answer."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)  # what goes wrong is raised too
    try:
        ray.init(cluster, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except Exception as reason:  # Ray has errors of many kinds, also of versions that differ
        raise FacereliefError(
            f"the cluster {cluster} cannot be used ({_last_line(reason)}); check the address, and that all nodes run "
            "the same versions of Python and Ray"
        ) from reason
    return ray


class _Actor:
    """Of a cluster's process: does items one by one. Errors are results, since Ray would wrap them."""

    def begin(self, packed: bytes) -> tuple[bool, Any]:
        """Load what the items need; returns host, versions and view."""
        try:
            start, arguments, look = pickle.loads(packed)
            seen = look() if look else None
            self._work = start(*arguments)
            return True, (socket.gethostname(), versions(), seen)
        except Exception as problem:
            return False, _sendable(problem)

    def work(self, item: Any) -> tuple[bool, Any]:
        """Do an item."""
        try:
            return True, self._work(item)
        except Exception as problem:
            return False, _sendable(problem)


def _sendable(problem: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(problem))
    except Exception:
        return FacereliefError(f"{type(problem).__name__}: {problem}")
    return problem


class _Member:
    """A worker as the driver sees it. index: of its item, None while it is idle."""

    def __init__(self, ray: Any, packed: bytes) -> None:
        self._ray, self._packed = ray, packed
        self.begin()

    def begin(self) -> None:
        """Ask for a process anywhere in the cluster."""
        try:
            self._actor = self._ray.remote(num_cpus=1, max_restarts=0)(_Actor).remote()
        except (ImportError, AttributeError) as reason:  # of the head
            raise FacereliefError(_unlike(str(reason))) from reason
        self.reference: Any = self._actor.begin.remote(self._packed)
        self.started, self.since = False, math.inf
        self.index: int | None = None

    def give(self, index: int, item: Any) -> None:
        """Start an item."""
        self.index, self.since, self.reference = index, time.monotonic(), self._actor.work.remote(item)

    def end(self) -> None:
        """Kill the process."""
        self._ray.kill(self._actor)


class _Crew:
    """Workers and the results so far; arguments as in `map_over`."""

    def __init__(
        self,
        ray: Any,
        cluster: str,
        members: list[_Member],
        items: Sequence[Any],
        lost: Callable[[Any, str], Any] | None,
        seconds: float,
        view: View | None,
    ) -> None:
        self._ray, self._cluster, self._members, self._items = ray, cluster, members, items
        self._lost, self._seconds, self._view = lost, seconds, view
        self._expected = view.look() if view else None
        self._open = deque(range(len(items)))
        self._finished: dict[int, Any] = {}
        self._deaths: dict[int | None, int] = {}

    def results(self) -> Iterator[Any]:
        """The results in the order of the items."""
        for wanted in range(len(self._items)):
            while wanted not in self._finished:
                try:
                    self._step(wanted)
                except ConnectionError as reason:
                    raise FacereliefError(
                        f"the cluster {self._cluster} is gone ({_last_line(reason)}); run the same command again to "
                        "resume"
                    ) from reason
            yield self._finished.pop(wanted)

    def _step(self, wanted: int) -> None:
        for member in self._members:
            if member.started and member.index is None and self._open and self._is_near(wanted):
                index = self._open.popleft()
                member.give(index, self._items[index])
        busy = {member.reference: member for member in self._members if member.index is not None or not member.started}
        ready, _ = self._ray.wait([*busy], num_returns=1, timeout=_POLL_S)
        for reference in ready:
            self._collect(busy[reference])
        for member in self._members:
            if member.index is not None and time.monotonic() - member.since > self._seconds:
                self._deaths[member.index] = _DEATHS  # it would take as long again
                member.end()
                self._replace(member, f"not done in {self._seconds:g} s", None)

    def _is_near(self, wanted: int) -> bool:
        return self._open[0] < wanted + _AHEAD * len(self._members)

    def _collect(self, member: _Member) -> None:
        try:
            good, value = self._ray.get(member.reference)
        except self._ray.exceptions.RayTaskError as reason:
            raise FacereliefError(_unlike(_last_line(reason))) from reason
        except self._ray.exceptions.RayError as reason:  # the process, its node, or the result is gone
            self._replace(member, "its process died, perhaps out of memory", reason)
            return
        if not good:
            raise value
        if member.started:
            assert member.index is not None
            self._finished[member.index] = value
            member.index = None
        else:
            self._check(*value)
            member.started = True

    def _check(self, host: str, found: dict[str, str], seen: object) -> None:
        """Raises `FacereliefError` where another machine would give other results."""
        ours = versions()
        other = next((name for name in ours if found.get(name) != ours[name]), None)
        if other:
            raise FacereliefError(_unlike(f"{host} has {other} {found.get(other)}, this machine {ours[other]}"))
        if self._view and seen != self._expected:
            raise FacereliefError(f"{host} does not see what this machine sees; {self._view.remedy}")

    def _replace(self, member: _Member, why: str, reason: Exception | None) -> None:
        """Replace a process; its item is tried again, or is lost."""
        index = member.index
        self._deaths[index] = self._deaths.get(index, 0) + 1
        if index is None and "import" in str(reason):
            raise FacereliefError(_unlike(_last_line(reason or WorkerLost()))) from reason
        if index is None or self._deaths[index] < _DEATHS:
            if index is None and self._deaths[None] > _DEATHS * len(self._members):
                raise WorkerLost from reason
            self._open.extendleft([] if index is None else [index])
        elif self._lost is None:
            raise WorkerLost from reason
        else:
            self._finished[index] = self._lost(self._items[index], why)
        member.begin()


def _unlike(what: str) -> str:
    return f"the cluster's machines differ: {what}; install the same versions on all of them"


def _last_line(reason: BaseException) -> str:
    """The last line of a message, which says what happened."""
    lines = [" ".join(line.split()) for line in str(reason).splitlines() if line.strip()]
    return (lines[-1] if lines else type(reason).__name__)[:200]
