"""Many photos over all cores or a cluster: a bad file stops nothing, and what is finished is not done again."""

import contextlib
import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from facerelief.editing.jobs.inputs import STDIN, Input
from facerelief.editing.jobs.job import EDITED, FAILED, EditJob, EditOutcome, EditSettings, failed_outcome
from facerelief.editing.jobs.outputs import STDOUT, OutputPaths
from facerelief.editing.jobs.photo_job import FileEditor
from facerelief.editing.jobs.video_job import edit_video_job
from facerelief.errors import FacereliefError
from facerelief.files import sha256
from facerelief.files.ownership import read_written
from facerelief.processes.cluster import LOCAL, Spread, View, map_over
from facerelief.processes.cores import available_cores
from facerelief.processes.pool import MIN_ITEMS, map_in_processes
from facerelief.processes.threads import limit_threads
from facerelief.progress import Progress

_SHARE = "run it in a folder that all machines share, with photos, weights and edits in it"


class BatchEditor:
    """A `FileEditor` for which nothing is a reason to stop; one a process."""

    def __init__(self, settings: EditSettings, threads: int | None = None) -> None:
        """Make one.

        Args:
            settings: How photos are edited.
            threads: Of networks, where processes share the cores.
        """
        if threads:
            limit_threads(threads)
        self._edit: Callable[[EditJob], EditOutcome] = FileEditor(settings)

    def __call__(self, job: EditJob) -> EditOutcome:
        """Whatever is wrong with a photo is its outcome."""
        return attempt(self._edit, job)


def attempt(edit: Callable[[EditJob], EditOutcome], job: EditJob) -> EditOutcome:
    """The outcome of a job, also where it fails."""
    try:
        return edit(job)
    except Exception as problem:  # a night's work must not end for one file
        return failed_outcome(job, problem)


def make_jobs(targets: Mapping[Input, OutputPaths], settings: EditSettings) -> list[EditJob]:
    """Make the jobs of a batch, with what earlier runs have noted of their files.

    Args:
        targets: Where the edits of each input go, by expression (`all_targets`).
        settings: How photos are edited.

    Returns:
        One job per input, in their order.
    """
    read = functools.cache(read_written)
    jobs = []
    for source, places in targets.items():
        files = [file for at in places.values() if at != STDOUT for file in (at, *settings.sides(at))]
        known = {file: noted for file in files if (noted := read(file.parent).get(file.name))}
        path = source.source
        made = read(path.parent).get(path.name) if isinstance(path, Path) and not source.named else None
        jobs.append(EditJob(source, places, known, made or frozenset()))
    return jobs


def run_batch(
    jobs: list[EditJob], editor: FileEditor, workers: int | None = None, cluster: str = LOCAL
) -> Iterator[EditOutcome]:
    """Do all jobs.

    Args:
        jobs: What is to be done.
        editor: Used in this process where the jobs are few, or one worker does them all.
        workers: Processes, by default one a core, of all machines.
        cluster: As in `Spread`; its machines must have photos, weights and edits at the same paths.

    Yields:
        Outcomes in the order of the jobs, also where one of them ends the very process that does it.
    """
    if cluster == LOCAL:
        workers = workers or available_cores()
        arguments = (editor.settings, max(1, available_cores() // workers))
        apart = workers > 1 and len(jobs) >= MIN_ITEMS
        here = functools.partial(attempt, editor)
        outcomes = map_in_processes(BatchEditor, arguments, jobs, workers, here=here, lost=_lost if apart else None)
    else:
        outcomes = _on_cluster(jobs, editor, Spread(cluster, workers))
    for job, outcome in zip(jobs, outcomes, strict=True):
        yield _written_since(job, outcome)


def _on_cluster(jobs: Sequence[EditJob], editor: FileEditor, spread: Spread) -> Iterator[EditOutcome]:
    """All machines work in this process's folder. Raises `FacereliefError` where they have not the same one."""
    if any(job.source.source == STDIN or STDOUT in job.targets.values() for job in jobs):
        raise FacereliefError("standard input and output are this machine's; name files, or leave --cluster out")
    files = [path for path in (editor.settings.weights, jobs[0].source.source) if isinstance(path, Path)]
    with contextlib.ExitStack() as marks:
        files += [marks.enter_context(_marked(path)) for path in list(jobs[0].targets.values())[:1]]
        view = View(functools.partial(_look, Path.cwd(), files), _SHARE)
        arguments = (Path.cwd(), editor.settings)
        yield from map_over(spread, _start_in, arguments, jobs, lost=_lost, view=view)


@contextlib.contextmanager
def _marked(target: Path) -> Iterator[Path]:
    """In the block, a file where a target will be; a machine that does not see it would write its edits elsewhere."""
    folder = next(one for one in Path(target).absolute().parents if one.is_dir())
    with tempfile.NamedTemporaryFile(prefix=".facerelief-", suffix=".mark", dir=folder) as mark:
        mark.write(os.urandom(16))
        mark.flush()
        yield Path(mark.name)


def _start_in(folder: Path, settings: EditSettings) -> BatchEditor:
    os.chdir(folder)
    return BatchEditor(settings, threads=1)


def _look(folder: Path, files: Sequence[Path]) -> list[str]:
    """Checksums of files, "" of those that are not there."""
    paths = [folder / file for file in files]
    return [sha256(path) if path.is_file() else "" for path in paths]


def run_video(job: EditJob, editor: FileEditor, progress: Progress, workers: int | None = None) -> EditOutcome:
    """One video of a batch, by processes, one a core unless told."""
    return attempt(lambda job: edit_video_job(editor, job, progress, workers), job)


def _lost(job: EditJob, why: str) -> EditOutcome:
    reason = f"{job.source} ends the process that edits it, perhaps for want of memory; shrink it"
    return EditOutcome(str(job.source), FAILED, reason=reason)


def _written_since(job: EditJob, outcome: EditOutcome) -> EditOutcome:
    """The outcome of a job: edits that no earlier run had noted are of a process of this one that ended after them."""
    if not outcome.there or all(path in job.known for path in outcome.there):
        return outcome
    return EditOutcome(outcome.source, EDITED, outcome.there)
