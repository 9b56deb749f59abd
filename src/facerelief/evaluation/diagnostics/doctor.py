"""Tests of what works on this machine and how fast, with remedies for the rest."""

import functools
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from time import perf_counter

import numpy as np

from facerelief.editing import METHODS, load_editor
from facerelief.editing.engines.agreement import MAX_ERROR, compare_engines, example_inputs, synthetic_inputs
from facerelief.editing.engines.runtimes import ENGINES, PACKAGES
from facerelief.editing.methods.network import NetworkEditor
from facerelief.errors import FacereliefError, MissingExtra, install_command
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, load_finder
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import Setting, random_person, render_portrait
from facerelief.photos.photo import Photo, encode_photo, read_photo
from facerelief.photos.provenance.content_credentials import read_credentials
from facerelief.photos.provenance.watermark_detection import detect_watermarks
from facerelief.processes.cores import available_cores
from facerelief.progress import Progress, no_progress

OK, LACKS, BROKEN = "ok", "lacks", "broken"
_DEVELOPMENT = ("dev", "demo")
_GIVES = {
    "mediapipe": "another face finder",
    "fast": "rendering 15 times faster",
    "train": "training",
    "meshes": "meshes of other methods",
    "provenance": "signed manifests",
    "engines": "faster networks, export",
    "serve": "the page and the API",
    "eval": "scores of edits",
    "video": "videos",
    "cluster": "several machines by Ray",
}
# Extras that are told without advice: of what few use, or apart, since its packages need an older numpy.
_NOT_ADVISED = {
    "mediapipe": "in an environment of its own, since mediapipe needs numpy below 2",
    "cluster": "only for work on several machines",
}
_ENGINE = "edit --engine "
_WORTH = 1.2  # speed-up from which another engine is advised: `auto` takes a second or two at the start
_REPEATS = 5
_SIDE = 640  # pixels of the synthetic photo


@dataclass(frozen=True)
class Check:
    """The result of one test.

    Args:
        name: Of the test.
        state: `OK`, `LACKS` (something is not installed) or `BROKEN`.
        detail: What was found.
        remedy: What to do, or "".
        needed: Whether editing a photo depends on it.
        milliseconds: The least of several runs, if it was timed.
    """

    name: str
    state: str
    detail: str
    remedy: str = ""
    needed: bool = False
    milliseconds: float | None = None


@dataclass(frozen=True)
class Health:
    """A description of the machine, and all checks."""

    machine: str
    checks: list[Check]

    @property
    def advice(self) -> list[str]:
        """Advice from the measured times: a faster engine."""
        times = {
            check.name.removeprefix(_ENGINE): check.milliseconds
            for check in self.checks
            if check.name.startswith(_ENGINE) and check.state == OK and check.milliseconds is not None
        }
        best = min(times, key=lambda name: times[name], default="torch")
        if "torch" not in times or times["torch"] < _WORTH * times[best]:
            return []
        gain = times["torch"] / times[best]
        return [f"{best} runs networks {gain:.1f} times as fast here: use --engine auto to edit many photos"]

    @property
    def works(self) -> bool:
        """Whether a photo can be edited."""
        return all(check.state == OK for check in self.checks if check.needed)


def examine(progress: Progress = no_progress) -> Health:
    """Run all tests; failures are reported, not raised."""
    trials: list[tuple[str, bool, Callable[[], tuple[str, float | None]]]] = [
        ("faces are found", True, find_faces),
        *((f"edit --method {name}", name == METHODS[0], functools.partial(edit_face, name)) for name in METHODS),
        ("saved with provenance", True, save_and_verify),
        ("signed manifest (C2PA)", False, sign_and_read),
        *((f"{_ENGINE}{name}", False, functools.partial(run_engine, name)) for name in ENGINES),
    ]
    checks = list(packages())
    for done, (name, needed, trial) in enumerate(trials, 1):
        checks.append(run_check(name, needed, trial))
        progress(done, len(trials))
    return Health(machine(), checks)


def machine() -> str:
    """Processor, system and versions, in one line."""
    cores = available_cores()
    system, versions = f"{platform.system()} {platform.machine()}, {cores} cores", f"numpy {np.__version__}"
    try:
        import torch

        from facerelief.training.run.precision import PRECISION_NAMES, fastest_precision
    except ModuleNotFoundError:
        return f"{system}; Python {platform.python_version()}, {versions}; does not train, for want of torch"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    best, (precision, why) = torch.backends.cpu.get_cpu_capability(), fastest_precision()
    return (
        f"{system} ({best}), {gpu}; Python {platform.python_version()}, "
        f"torch {torch.__version__} on {torch.get_num_threads()} threads, {versions}; "
        f"trains in {PRECISION_NAMES[precision]}, because {why}"
    )


def packages() -> Iterator[Check]:
    """For each extra, whether its packages are installed."""
    try:
        required = metadata.requires("facerelief") or []
    except metadata.PackageNotFoundError:  # run from the source tree
        required = []
    extras: dict[str, list[str]] = {}
    for line in required:
        belongs = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        package = re.match(r"[\w.-]+", line)
        if belongs and package and belongs[1] not in _DEVELOPMENT:
            extras.setdefault(belongs[1], []).append(package[0])
    for extra, names in extras.items():
        found = {name: _version(name) for name in names}
        missing = [name for name, version in found.items() if version is None]
        gives = _GIVES.get(extra, "")
        detail = ", ".join(f"{name} {version or 'is missing'}" for name, version in found.items())
        remedy = install_command(extra) if missing and extra not in _NOT_ADVISED else ""
        if missing and extra in _NOT_ADVISED:
            detail += f"; {_NOT_ADVISED[extra]}"
        yield Check(f"[{extra}] {gives}".strip(), LACKS if missing else OK, detail, remedy)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def run_check(name: str, needed: bool, trial: Callable[[], tuple[str, float | None]]) -> Check:
    """Run a test, which returns a description and its milliseconds."""
    try:
        detail, least = trial()
    except MissingExtra as reason:
        problem, _, remedy = str(reason).partition("; install it with: ")
        return Check(name, LACKS, problem, remedy, needed)
    except FacereliefError as reason:
        problem, _, remedy = str(reason).partition("; ")
        return Check(name, BROKEN, problem, remedy, needed)
    except Exception as reason:  # whatever a broken installation raises
        detail = f"{type(reason).__name__}: {' '.join(str(reason).split())}"
        return Check(name, BROKEN, detail, "reinstall facerelief in a new environment", needed)
    return Check(name, OK, detail, "", needed, least)


@functools.cache
def synthetic_face() -> tuple[Photo, Face]:
    """A synthetic portrait and its face."""
    face = load_face()
    size, around = _SIDE // 2, _SIDE // 4
    rgb, landmarks = render_portrait(face, random_person(face, np.random.default_rng(3)), "neutral", Setting(), size)
    framed = np.pad(rgb, ((around, around), (around, around), (0, 0)), mode="edge")
    return Photo(framed, name="a synthetic face"), Face((landmarks + np.array([around, around, 0])).astype(np.float32))


def find_faces() -> tuple[str, float | None]:
    """Detect the synthetic face."""
    photo, face = synthetic_face()
    finder = load_finder()
    found = finder(photo.rgb)
    if not found or abs(found[0].landmarks[:, :2].mean(axis=0) - face.landmarks[:, :2].mean(axis=0)).max() > 20:
        raise FacereliefError("a synthetic face was not found in its place; pip install --force-reinstall onnxruntime")
    return f"a synthetic face in {_SIDE} x {_SIDE} pixels", _least(lambda: finder(photo.rgb))


def edit_face(method: str) -> tuple[str, float | None]:
    """Edit the synthetic face by a method, with the package's own weights."""
    photo, face = synthetic_face()
    editor = load_editor(method=method)
    edit = editor(photo, "happiness", faces=[face])
    if not (edit.photo.rgb != photo.rgb).any():
        raise FacereliefError("the edit changed nothing; reinstall facerelief")
    size = f"a face of {face.size:.0f} pixels to happiness"
    return size, _least(lambda: editor(photo, "happiness", faces=[face]))


def _saved() -> tuple[bytes, float]:
    photo, face = synthetic_face()
    edit = load_editor()(photo, "happiness", faces=[face])
    return encode_photo(edit.photo, "JPEG"), _least(lambda: encode_photo(edit.photo, "JPEG"))


def save_and_verify() -> tuple[str, float | None]:
    """Save an edit as JPEG, and read its records again."""
    data, least = _saved()
    photo = read_photo(data)
    marks = detect_watermarks(photo.rgb)
    if photo.mark is None or not marks:
        raise FacereliefError("an edit's records were not found again; reinstall facerelief")
    return "JPEG with XMP and watermark, found again", least


def sign_and_read() -> tuple[str, float | None]:
    """Read the manifest of a saved edit."""
    found = read_credentials(_saved()[0], "JPEG")
    if found is None or found.state == "invalid":
        raise FacereliefError(
            f"a manifest could not be read again; unset FACERELIEF_CERTIFICATE and FACERELIEF_KEY, or {found}"
        )
    return f"by {found.signer}", None


def run_engine(name: str) -> tuple[str, float | None]:
    """Run the package's relief network by an engine, and compare it with PyTorch."""
    if name == "onnx":
        return run_shipped_graph()
    editor = _relief("torch")
    example = example_inputs(editor.config, editor.condition)
    engine, reference = (ENGINES[one](editor.generator, example) for one in (name, "torch"))
    inputs = synthetic_inputs(editor.config, editor.condition, persons=1)
    parity = compare_engines(name, engine, reference, editor.generator, *inputs)
    if not parity.agrees:
        raise FacereliefError(f"{PACKAGES[name]} does not agree with PyTorch; use another --engine")
    return f"the relief network on {editor.config.size} pixels, agrees with PyTorch", parity.milliseconds


def run_shipped_graph() -> tuple[str, float | None]:
    """Run the relief network's graph, as edits do by ONNX Runtime; compare it with PyTorch where that is installed."""
    photo, face = synthetic_face()
    editor = _relief("onnx")
    crop = align(face.landmarks, editor.config.size)
    image, landmarks = editor.prepare(crop.cut(photo.rgb)), crop.to_crop(face.landmarks)
    found, least = editor.run(image, "happiness", landmarks), _least(lambda: editor.run(image, "happiness", landmarks))
    shown = f"the relief network on {editor.config.size} pixels"
    try:
        expected = _relief("torch").run(image, "happiness", landmarks)
    except MissingExtra:
        return shown, least
    if max(np.abs(one - other).max() for one, other in zip(found, expected, strict=True)) > MAX_ERROR:
        raise FacereliefError(f"{PACKAGES['onnx']} does not agree with PyTorch; use another --engine")
    return f"{shown}, agrees with PyTorch", least


@functools.cache
def _relief(engine: str) -> NetworkEditor:
    editor = load_editor(method="relief", engine=engine)
    assert isinstance(editor, NetworkEditor)
    return editor


def _least(run: Callable[[], object]) -> float:
    """The least milliseconds of several runs."""
    times = []
    for _ in range(_REPEATS):
        start = perf_counter()
        run()
        times.append(1000 * (perf_counter() - start))
    return min(times)
