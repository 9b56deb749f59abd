"""Tests that every method of `train expression` passes, ours and those of other packages.

A package tests its own method with pytest; docs/own_method.md has a template:

    from facerelief.conformance import MethodConformance

    class TestMine(MethodConformance):
        name = "mine"
"""

import dataclasses
import functools
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from facerelief.checkpoint import load_checkpoint, weights_in
from facerelief.config import DepthTraining, ExpressionTraining
from facerelief.data.batches import make_batch
from facerelief.data.conditions import build_condition
from facerelief.data.crops import read_crop
from facerelief.data.dataset import Dataset
from facerelief.data.synthesize import Plan, synthesize
from facerelief.editing.engines.export import export_editor
from facerelief.editing.loading import load_editor, load_network_editor
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face
from facerelief.training.launch import run_depth, run_expression
from facerelief.training.presets import PRESETS, make_config
from facerelief.training.splits import load_split

_TINY = {
    "size": 32,
    "colour": "rgb",
    "width": 8,
    "blocks": 1,
    "d_width": 8,
    "d_max_channels": 32,
    "batch": 4,
    "precision": "no",
    "perceptual": "none",
    "log_every": 1,
    "sample_every": 4,
    "save_every": 2,
    "warm_up": 0,
    "steps": 4,
}
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of batches; they move without learning


@functools.cache
def tiny_dataset() -> tuple[Dataset, Any]:
    """24 drawn faces of three persons, one a split, and what removes them when the program ends."""
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "faces"
    synthesize(path, Plan(count=24, size=64, scenes_per_person=1), workers=1)
    return Dataset(path), folder


class _Cut(Exception):
    """A training that is cut short."""


class MethodConformance:
    """What is promised of a method, on runs of four steps.

    Attributes:
        name: The method's.
        settings: Of the runs, where the method needs others than `_TINY`.
    """

    name: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}

    def config(self, **changes: Any) -> ExpressionTraining:
        """A tiny run's settings."""
        given = _TINY | {"method": self.name, "guide": "none", "expressions": EXPRESSIONS} | self.settings | changes
        return make_config(ExpressionTraining, "cpu", given)

    def train(self, folder: Path, depth: Path | None = None, **changes: Any) -> Path:
        """Train a tiny run."""
        return run_expression(tiny_dataset()[0], self.config(**changes), folder, depth=depth)

    def test_presets(self) -> None:
        """Every preset gives settings that fit the method."""
        for preset in PRESETS:
            given = {"method": self.name, **{k: v for k, v in self.settings.items() if k == "expressions"}}
            assert make_config(ExpressionTraining, preset, given).method == self.name

    def test_a_run_that_was_cut_short_ends_like_one_that_was_not(self, tmp_path: Path) -> None:
        """Bit for bit: nothing that changes is outside of the run's state."""

        def cut(done: int, total: int, values: dict[str, float]) -> None:
            if done == 3:
                raise _Cut

        dataset, config = tiny_dataset()[0], self.config(steps=4)
        try:
            run_expression(dataset, config, tmp_path / "cut", progress=cut)
        except _Cut:
            pass
        else:
            raise AssertionError("the run was not cut short")
        resumed = run_expression(dataset, config, tmp_path / "cut")
        unbroken = run_expression(dataset, config, tmp_path / "unbroken")
        found, expected = (load_checkpoint(path, "editor").tensors for path in (resumed, unbroken))
        assert found.keys() == expected.keys()
        assert [name for name, value in found.items() if not np.array_equal(value, expected[name])] == []

    def test_every_network_learns(self, tmp_path: Path) -> None:
        """What is not finite, or has no weight, would have ended the run; and weights of each network move."""
        for steps in (2, 4):
            self.train(tmp_path / str(steps), steps=steps, decay_from=1.0)
        first, later = (load_checkpoint(tmp_path / run / "state.safetensors", "state").tensors for run in ("2", "4"))
        weights = [name for name in first if not name.startswith("optimiser.") and not name.endswith(_STATISTICS)]
        moved = {name.split(".")[0] for name in weights if not np.array_equal(first[name], later[name])}
        assert moved == {name.split(".")[0] for name in weights}
        lines = [json.loads(line) for line in (tmp_path / "4" / "metrics.jsonl").read_text().splitlines()]
        assert {name.split("/")[0] for line in lines for name in line} >= {"step", "G"}
        assert (tmp_path / "4" / "README.md").is_file() and list((tmp_path / "4" / "samples").iterdir())

    def test_guidance_reaches_the_edit(self, tmp_path: Path) -> None:
        """Under guidance by depth the terms of Eqs. 5 to 7 are there, and the generator follows their gradient."""
        dataset = tiny_dataset()[0]
        shared = {name: value for name, value in _TINY.items() if name not in ("warm_up",)}
        expressions = self.config().expressions
        settings = shared | {"size": self.config().size, "steps": 2, "expressions": expressions}
        run_depth(dataset, make_config(DepthTraining, "cpu", settings), tmp_path / "depth")
        frozen: dict[str, Any] = {"depth": tmp_path / "depth", "guide": "depth", "freeze_depth": True}
        guided = self.train(tmp_path / "guided", **frozen)
        unweighted = self.train(tmp_path / "unweighted", **frozen, depth_weight=0.0)
        lines = [json.loads(line) for line in (tmp_path / "guided" / "metrics.jsonl").read_text().splitlines()]
        assert {"G/depth/adv", "G/depth/cls", "G/depth/rec"} <= set(lines[-1])
        before, after = (load_checkpoint(path, "editor").part("generator") for path in (unweighted, guided))
        assert any(not np.array_equal(value, after[name]) for name, value in before.items())

    def test_edits(self, tmp_path: Path) -> None:
        """A photo is edited to each expression, which changes it, and at strength 0 nothing changes."""
        dataset = tiny_dataset()[0]
        editor = load_editor(self.train(tmp_path / "run"))
        rgb, landmarks = read_crop(dataset.path, dataset.select("test")[0])
        changed = []
        for to in editor.expressions:
            edited = editor.apply(rgb, Face(landmarks), to, 1.0)
            assert edited.photo.shape == rgb.shape and edited.photo.dtype == np.uint8
            assert (editor.render(rgb, edited.plan, 0.0) == rgb).all()
            changed.append((edited.photo != rgb).any())
        assert any(changed)
        for name in set(EXPRESSIONS) - set(editor.expressions):
            with _refused(f"these weights cannot do {name}; choose from {', '.join(editor.expressions)}"):
                editor.target(name)

    def test_the_file_holds_all_that_edits_need(self, tmp_path: Path) -> None:
        """From the file alone, its condition asks for what it asked for in training; it is no other method's file."""
        path = self.train(tmp_path / "run")
        editor = load_network_editor(path)
        dataset, config = tiny_dataset()[0], self.config()
        condition = build_condition(config)
        train = condition.measure(dataset.path, load_split(dataset, "train", config))
        condition.collect(train)
        batch = make_batch(train, np.arange(2), "depth")
        measured = editor.condition.measure(dataset.path, load_split(dataset, "train", config))
        expected = condition.towards(train, batch, batch.label)
        assert editor.condition.towards(measured, batch, batch.label).equal(expected)
        assert expected.shape == (2, *condition.shape)
        other = "relief" if self.name != "relief" else "stargan"
        with _refused(f"{path} holds weights of {self.name}, not {other}; choose another --method or --weights"):
            load_editor(path, method=other)
        facts = load_checkpoint(path, "editor").facts["config"]
        assert dataclasses.replace(config, seed=facts["seed"]) == config

    def test_an_exported_model_agrees(self, tmp_path: Path) -> None:
        """ONNX gives what PyTorch gives, for every condition."""
        import pytest

        pytest.importorskip("onnx", reason="pip install 'facerelief[engines]' to test exports")
        _, compared = export_editor(tmp_path / "model", "onnx", weights_in(self.train(tmp_path / "run").parent))
        assert all(one.agrees for one in compared)


class _refused:
    """The block raises a `FacereliefError` with this message."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        assert isinstance(error, FacereliefError), f"no refusal: {self._message}"
        assert str(error) == self._message
        return True
