"""`load`, which makes a `FaceEditor`."""

from __future__ import annotations  # help() then says `Method`, and not the words that it stands for

import functools
import os
from pathlib import Path

from facerelief.api.arguments import EngineName, Method, check_choice
from facerelief.api.editor import FaceEditor
from facerelief.api.pictures import file_path
from facerelief.editing import METHODS, load_editor
from facerelief.editing.editor import Editor
from facerelief.editing.engines.agreement import AUTO
from facerelief.editing.engines.runtimes import ENGINES
from facerelief.faces.detector import FinderPool, load_finder
from facerelief.processes.threads import limit_threads

_HOME = os.getpid()  # the process in which threads may have been started


def load(
    weights: str | os.PathLike[str] | None = None,
    *,
    method: Method | None = None,
    engine: EngineName | None = None,
    task_file: str | os.PathLike[str] | None = None,
    teeth_from: str | os.PathLike[str] | None = None,
    presets: str | os.PathLike[str] | None = None,
) -> FaceEditor:
    """Load an editor, ready for use by any number of threads.

    Args:
        weights: The folder of a run or of a fitted morphable model, or a .safetensors file. Default: the package's.
        method: "morphable" (the default without weights), which needs no training, "relief" or "stargan".
        engine: What runs the network: "onnx" (the default of the package's networks), "torch" (that of others),
            "openvino", "openvino-bf16", or "auto" for the fastest that agrees with torch.
        task_file: A face_landmarker.task file, by which mediapipe finds faces in place of the package's networks.
        teeth_from: A photo in which the person who is to be edited smiles openly: what other photos of that person hide
            of the teeth is taken from it.
        presets: A TOML file of further names for blends, with lines such as `grin = "AU12:1.2+jawOpen:0.2"`.

    Returns:
        The editor. The face detector is loaded at the first edit.

    Raises:
        CheckpointError: The weights cannot be used.
        MissingExtra: A package is not installed.
        FacereliefError: Another argument is wrong. All messages say what to do.

    Example:
        >>> load(method="morphable").engine
        'numpy'
        >>> load(method="magic")
        Traceback (most recent call last):
        facerelief.errors.FacereliefError: no method 'magic'; choose from morphable, relief, stargan
    """
    if method is not None:
        check_choice(method, METHODS, "method")
    if engine is not None:
        check_choice(engine, (*ENGINES, AUTO), "engine")
    return FaceEditor(
        functools.partial(
            _make,
            _absolute(weights, "weights"),
            method,
            engine,
            _absolute(task_file, "task"),
            _absolute(teeth_from, "photo"),
            _absolute(presets, "TOML"),
        )
    )


def _absolute(path: str | os.PathLike[str] | None, what: str) -> Path | None:
    """A path that means the same in other processes, whatever their working directory."""
    return None if path is None else Path(os.path.abspath(file_path(path, f"{what} file")))


def _make(
    weights: Path | None,
    method: str | None,
    engine: str | None,
    task_file: Path | None,
    teeth_from: Path | None,
    presets: Path | None,
) -> Editor:
    if os.getpid() != _HOME:
        limit_threads(1)  # other threads do not survive a fork: torch would wait for them
    finder = FinderPool(functools.partial(load_finder, task_file=task_file))
    return load_editor(weights, finder, method=method, engine=engine, teeth_from=teeth_from, presets=presets)
