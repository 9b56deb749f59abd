"""What is to be done: the settings of a batch, one job a photo, and what of it an earlier run has finished."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief import __version__
from facerelief.editing.face_choice import FaceChoice
from facerelief.editing.jobs.fetch import DownloadLimits
from facerelief.editing.jobs.inputs import Input
from facerelief.editing.jobs.outputs import STDOUT, OutputPaths, depth_files, receipt_files
from facerelief.editing.jobs.receipt import CropScorer
from facerelief.editing.regions import WHOLE
from facerelief.editing.strength import Strength
from facerelief.errors import FacereliefError
from facerelief.files import sha256
from facerelief.files.ownership import Claim, WrittenFile, claimed, read_written, settings_digest

EDITED, SKIPPED, FAILED = "edited", "skipped", "failed"
_FINISHED = "edited before, with the same settings"
_AN_EDIT = "is an edit itself; name it by itself to edit it all the same"


@dataclass(frozen=True)
class EditSettings:
    """How photos are edited, the same for all of a batch.

    Attributes:
        strength: As `Editor.__call__` takes it; of a video it may change with time.
        face: As `Editor.__call__` takes it.
        part: As `Editor.__call__` takes it.
        method: As `load_editor` takes it.
        weights: As `load_editor` takes them.
        engine: As `load_editor` takes it.
        task_file: Of the face finder; by default the package's.
        teeth_from: As `load_editor` takes it.
        presets: As `load_editor` takes them.
        like: A photo that shows what faces are to show, and one of the same person without expression, or None.
        each: What each face is to show, by its number from the largest, where they are not to show one thing.
        depth: Also write the depth before and after.
        receipt: Also write receipts.
        scores: Makes what a receipt asks of networks; it is sent to other processes, and its `repr` tells which
            networks.
        provenance: Record in the file that it was edited.
        limits: Of downloads.
        overwrite: Make anew what is there already, and replace whatever is in the way.
    """

    strength: Strength = Strength()  # noqa: RUF009  (frozen)
    face: FaceChoice = "largest"
    part: str = WHOLE
    method: str | None = None
    weights: Path | None = None
    engine: str | None = None
    task_file: Path | None = None
    teeth_from: Path | None = None
    presets: Path | None = None
    like: tuple[Path, Path | None] | None = None
    each: tuple[tuple[int, str], ...] = ()
    depth: bool = False
    receipt: bool = False
    scores: Callable[[], CropScorer] | None = None
    provenance: bool = True
    limits: DownloadLimits = DownloadLimits()  # noqa: RUF009
    overwrite: bool = False

    def sides(self, target: Path) -> list[Path]:
        """What is written beside an edit; the depth after it only where a face is found again."""
        return [*(depth_files(target) if self.depth else ()), *(receipt_files(target) if self.receipt else ())]

    def digest(self, weights: str, receipt: bool = False) -> str:
        """A digest of all that a picture, or its receipt, depends on beside the photo; `weights`: their SHA-256."""
        without = ("weights", "limits", "overwrite")
        plain = {name: repr(value) for name, value in vars(self).items() if name not in without}
        read = {"teeth_from": self.teeth_from, "presets": self.presets}
        read |= dict(zip(("like", "like_neutral"), self.like, strict=True)) if self.like else {}
        plain |= {name: sha256(path) for name, path in read.items() if path}
        plain |= {"depth": "False", "receipt": repr(receipt), "method": "None"}  # weights tell the method
        plain |= {"engine": repr(self.engine if self.engine != "torch" else None)}
        plain |= {} if receipt else {"scores": "None"}
        return settings_digest({**plain, "weights": weights, "version": __version__})


@dataclass(frozen=True)
class EditJob:
    """One photo or video, and where its edits go.

    Attributes:
        source: The photo or video.
        targets: Where each edit goes.
        known: What earlier runs noted of each file that it may write.
        made: What earlier runs noted of the source's own name.
    """

    source: Input
    targets: OutputPaths
    known: Mapping[Path, frozenset[WrittenFile]] = dataclasses.field(default_factory=dict)
    made: frozenset[WrittenFile] = frozenset()

    @property
    def is_first_time(self) -> bool:
        """Whether a file has to be decoded in any case: no earlier run noted it, nor is it named as an edit is."""
        noted = self.known or self.made or self.source.is_beside_an_edit
        return isinstance(self.source.source, Path) and not noted


@dataclass(frozen=True)
class EditOutcome:
    """What became of a job.

    Attributes:
        source: What was to be edited, in words.
        state: "edited", "skipped" or "failed".
        written: What was written, also before it failed.
        notes: What was lost or odd, a line each.
        reason: Why it was skipped or failed.
        there: All of its edits, where an earlier run had finished them.
    """

    source: str
    state: str
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    there: tuple[Path, ...] = ()


def failed_outcome(
    job: EditJob, problem: Exception, written: Sequence[Path] = (), notes: Sequence[str] = ()
) -> EditOutcome:
    """The outcome of a job that a problem ended; `written`: what it had finished before."""
    if isinstance(problem, FacereliefError):
        reason = str(problem)
    elif isinstance(problem, OSError) and problem.filename is not None:
        reason = f"{problem.filename}: {problem.strerror}; check the name, the permissions and the free space"
    elif isinstance(problem, MemoryError):
        reason = f"{job.source} does not fit into memory; shrink it"
    else:
        said = " ".join(f"{type(problem).__name__}: {problem}".split())
        reason = f"{job.source}: {said}; a fault of the program, report it"
    return EditOutcome(str(job.source), FAILED, tuple(written), tuple(dict.fromkeys(notes)), reason)


class JobPlan:
    """What is to be done of a job, as the journals and the files that are there tell.

    Attributes:
        todo: The job's targets without those that are finished.
        nothing_to_do: The outcome where that is all, or where the source is known as an edit itself and was not named
            by itself.
    """

    def __init__(self, job: EditJob, source: str, settings: EditSettings, weights: str) -> None:
        """Find out what is to be done; `source` and `weights`: SHA-256 of the photo and of the weights."""
        self._job, self._settings = job, settings
        picture, receipt = settings.digest(weights), settings.digest(weights, receipt=True)
        self._claims: dict[Path, list[Claim]] = {}
        for to, at in job.targets.items():
            files = dict.fromkeys([at, *settings.sides(at)], picture)
            files |= dict.fromkeys(receipt_files(at), receipt) if settings.receipt else {}
            self._claims[at] = [
                Claim(path, source, digest, to, job.known.get(path, ()), overwrite=settings.overwrite)
                for path, digest in files.items()
            ]
        self.todo = {
            to: at for to, at in job.targets.items() if at == STDOUT or settings.overwrite or not self._is_finished(at)
        }
        self.nothing_to_do: EditOutcome | None = None
        if not self.todo:
            self.nothing_to_do = EditOutcome(
                str(job.source), SKIPPED, reason=_FINISHED, there=tuple(job.targets.values())
            )
        elif not job.source.named and (job.source.is_beside_an_edit or source in {one.made for one in job.made}):
            self.nothing_to_do = self.left_alone

    @property
    def left_alone(self) -> EditOutcome:
        """The outcome of a job whose source is an edit itself."""
        return EditOutcome(str(self._job.source), SKIPPED, reason=_AN_EDIT)

    def check(self) -> None:
        """Raise `FacereliefError` where a file is in the way of what is to be done."""
        for claim in self._of_todo():
            claim.check()

    @contextlib.contextmanager
    def held(self, notes: list[str], finish: Callable[[Path], object] = lambda path: None) -> Iterator[None]:
        """Hold the files of `todo` to `Claim` while they are written in the block.

        Args:
            notes: Takes what could not be noted in a journal.
            finish: A last step on a written file before it gets its name.
        """
        claims = self._of_todo()
        for claim in claims:
            claim.finish = finish
        try:
            with claimed(claims):
                yield
        finally:
            notes += dict.fromkeys(note for claim in claims for note in claim.notes)

    def _of_todo(self) -> list[Claim]:
        return [claim for at in self.todo.values() if at != STDOUT for claim in self._claims[at]]

    def _is_finished(self, target: Path) -> bool:
        """Whether an edit is as it was written, and what belongs beside it was written too and is still there."""
        picture, *sides = self._claims[target]
        needed = [side for side in sides if side.path != depth_files(target)[1]]
        return picture.is_ours() and all(side.was_made() and side.path.is_file() for side in needed)


def is_edit(source: Input) -> bool:
    """Whether a file is an edit, by what it says itself or by the journal beside it."""
    if not isinstance(source.source, Path):
        return False
    noted = read_written(source.source.parent).get(source.source.name, frozenset())
    return source.tells_of_an_edit() or source_digest(source) in {one.made for one in noted}


def source_digest(source: Input) -> str:
    """SHA-256 of a file's bytes, "" where it cannot be read; of what is no file, of its address."""
    if not isinstance(source.source, Path):
        return hashlib.sha256(source.source.encode()).hexdigest()
    with contextlib.suppress(OSError):
        return sha256(source.source)
    return ""
