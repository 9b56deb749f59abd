"""A dataset of synthetic faces: exact geometry, every person in every expression, from the package alone.

Samples come in scenes: one person in one setting (pose, light, background, strength), once with each expression. So
for every sample the true picture of the same person with any other expression lies beside it: same folder of `source`.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerelief.colour import chroma
from facerelief.data.extract import fingerprint, sharpness, write_files
from facerelief.data.journal import JOURNAL, append, open_dataset, read_journal
from facerelief.data.manifest import METADATA, REJECTS, Reject, Sample, write_rows
from facerelief.data.sources.labelled import split_by_identity
from facerelief.errors import DatasetError, FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.pose import head_pose
from facerelief.files import lock_folder, sha256
from facerelief.files.json import read_lines
from facerelief.geometry.depth_maps import render_geometry
from facerelief.geometry.morphable.model import face_file, load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.geometry.reconstructors.morphable import dense_mesh
from facerelief.processes.pool import map_in_processes
from facerelief.progress import Progress, no_progress

SIZES = (64, 96, 128, 192, 256)
SYNTHETIC = "synthetic"  # in `Sample.reasons` of every synthetic sample
_LEAST = 3 * len(EXPRESSIONS)
_BYTES, _BYTES_A_PIXEL = 12_000, 2.5  # of a picture's files, a little less than measured at 64, 128 and 256 pixels


@dataclass(frozen=True)
class Scene:
    """One person in one setting: eight samples.

    Attributes:
        person: Number of the person in the dataset.
        setting: Number of the setting among the person's.
        split: Of the person: "train", "val" or "test".
    """

    person: int
    setting: int
    split: str

    @property
    def name(self) -> str:
        """The folder in `Sample.source`, such as "p00012/s1"."""
        return f"p{self.person:05d}/s{self.setting}"


@dataclass(frozen=True)
class Plan:
    """How many pictures a synthetic dataset has, and how large; recorded in dataset.json.

    Attributes:
        count: The least number of pictures; whole scenes are made.
        size: Side of a picture in pixels, one of `SIZES`.
        scenes_per_person: Poses, lights and backgrounds for each person; key "settings" in dataset.json.
        seed: 0 to 2**32 - 1.

    Raises:
        FacereliefError: `size` or `seed` is not one of these, or `count` is too small for three persons.
    """

    count: int = 5000
    size: int = 128
    scenes_per_person: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise FacereliefError(f"no size {self.size}; choose from {', '.join(map(str, SIZES))}")
        if not 0 <= self.seed < 2**32:
            raise FacereliefError(f"seed must lie between 0 and {2**32 - 1}, not {self.seed}")
        if self.scenes_per_person < 1 or self.count < self.scenes_per_person * _LEAST:
            raise FacereliefError(
                f"{self.count} pictures are too few for three persons, {self.scenes_per_person} settings and eight "
                f"expressions; ask for {max(1, self.scenes_per_person) * _LEAST} or more"
            )

    def scenes(self) -> list[Scene]:
        """All scenes, whole persons only: at least `count` samples."""
        persons = -(-self.count // (len(EXPRESSIONS) * self.scenes_per_person))
        splits = split_by_identity([_name(person) for person in range(persons)], self.seed)
        return [Scene(p, s, splits[_name(p)]) for p in range(persons) for s in range(self.scenes_per_person)]


def synthesize(
    dataset: Path,
    plan: Plan,
    face: Path | None = None,
    *,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> list[Sample]:
    """Make the dataset; scenes done by an earlier, interrupted call are not done again.

    The files do not depend on the number of workers.

    Args:
        dataset: The folder to write.
        plan: How many and how large.
        face: File or folder of a morphable model; by default the package's.
        workers: Processes; by default one per core.
        progress: Called with the number of pictures done and the total.

    Returns:
        The samples, scene by scene.

    Raises:
        DatasetError: `dataset` holds something else.
        FacereliefError: It cannot be written, or the disk is too small.
        CheckpointError: The morphable model cannot be read.
    """
    load_face(face)  # before anything is written: it may be damaged
    settings = {
        "size": plan.size,
        "seed": plan.seed,
        "settings": plan.scenes_per_person,
        "face_sha256": sha256(face_file(face)),
    }
    _check_space(dataset, plan)
    open_dataset(dataset, settings)
    with lock_folder(dataset):
        journal = dataset / JOURNAL
        done = read_journal(journal)
        scenes = plan.scenes()
        total = len(scenes) * len(EXPRESSIONS)
        todo = [scene for scene in scenes if any(_source(scene, name) not in done for name in EXPRESSIONS)]
        finished = total - len(todo) * len(EXPRESSIONS)
        progress(finished, total)
        for samples in map_in_processes(Synthesizer, (dataset, plan, face), todo, workers):
            for sample in samples:
                done[sample.source] = sample
                append(journal, sample)
            finished += len(samples)
            progress(finished, total)
        rows = [done[_source(scene, name)] for scene in scenes for name in EXPRESSIONS]
        kept = [row for row in rows if isinstance(row, Sample)]
        if len(kept) < len(rows):
            raise DatasetError(f"{dataset} was built from photos; choose another folder")
        write_rows(dataset / METADATA, Sample, kept)
        write_rows(dataset / REJECTS, Reject, [])
        return kept


def _check_space(dataset: Path, plan: Plan) -> None:
    """Raise `FacereliefError` where the disk cannot hold what is still to be drawn."""
    folder = next((place for place in (dataset, *dataset.absolute().parents) if place.is_dir()), Path("/"))
    left = plan.count - sum(1 for _ in read_lines(dataset / JOURNAL))
    need, free = left * (_BYTES + _BYTES_A_PIXEL * plan.size**2), shutil.disk_usage(folder).free
    if need > free:
        raise FacereliefError(
            f"{plan.count:,} pictures of {plan.size} px need about {need / 1e9:,.1f} GB, and {folder} has "
            f"{free / 1e9:,.1f} GB free; ask for fewer, or choose another disk"
        )


class Synthesizer:
    """Draws scenes into a dataset; one a process."""

    def __init__(self, dataset: Path, plan: Plan, face: Path | None = None) -> None:
        self.dataset, self.plan, self.face = dataset, plan, load_face(face)

    def __call__(self, scene: Scene) -> list[Sample]:
        """Write the files of a scene's eight samples and return their rows."""
        person = random_person(self.face, np.random.default_rng((self.plan.seed, 0, scene.person)))
        setting = random_setting(np.random.default_rng((self.plan.seed, 1, scene.person, scene.setting)))
        rows = []
        for name in EXPRESSIONS:
            rgb, landmarks = render_portrait(self.face, person, name, setting, self.plan.size)
            maps = render_geometry(dense_mesh(landmarks, levels(self.plan.size)), landmarks, self.plan.size)
            arrays = {
                "vertices": landmarks,
                "landmarks": landmarks,
                "identity": person.identity,
                "expression": setting.strength * self.face.amounts[EXPRESSIONS.index(name)],
                "strength": np.array(setting.strength),
            }
            stem = _source(scene, name).replace("/", "-")
            files = write_files(self.dataset, stem, rgb, maps, arrays, np.eye(2, 3), (self.plan.size, self.plan.size))
            rows.append(_row(scene, name, rgb, landmarks, files))
        return rows


def _row(scene: Scene, name: str, rgb: np.ndarray, landmarks: np.ndarray, files: dict[str, str]) -> Sample:
    yaw, pitch, roll = (round(angle, 2) for angle in head_pose(landmarks))
    extent = landmarks[:, :2].max(axis=0) - landmarks[:, :2].min(axis=0)
    return Sample(
        file_name=files["file_name"],
        depth_file_name=files["depth_file_name"],
        normal_file_name=files["normal_file_name"],
        mask_file_name=files["mask_file_name"],
        mesh=files["mesh"],
        expression=name,
        identity=_name(scene.person),
        split=scene.split,
        source=_source(scene, name),
        faces=1,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        face_size=round(float(extent.max()), 1),
        sharpness=round(sharpness(rgb), 4),
        coverage=1.0,
        fingerprint=fingerprint(rgb),
        chroma=round(chroma(rgb), 2),
        reasons=SYNTHETIC,
    )


def levels(size: int) -> int:
    """Rounds of subdivision for pictures of `size`: a triangle is then one to three pixels large."""
    return 1 if size <= 128 else 2


def _name(person: int) -> str:
    return f"synthetic-{person:05d}"


def _source(scene: Scene, expression: str) -> str:
    return f"{scene.name}/{expression}"


def scene_of(sample: Sample) -> str:
    """The name of a sample's scene, the same for all eight expressions."""
    return sample.source.rpartition("/")[0]
