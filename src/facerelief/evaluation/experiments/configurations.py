"""Configurations of a study's runs: what a scale, a cell and a user ask for, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facerelief.config import ClassifierTraining, Config, ExpressionTraining, IdentityTraining
from facerelief.evaluation.experiments.studies import Cell, Scale
from facerelief.training.methods import TRAINING_METHODS
from facerelief.training.presets import make_config

_TUNED = ("width", "blocks")  # settings of the scale that a method's own preset overrides


@dataclass(frozen=True)
class Configurations:
    """Configurations of a study's runs.

    Attributes:
        scale: The study's scale.
        shared: Settings of every run.
        changes: What the user sets of every run of stage 2.
        stage1: What the user sets of every run of stage 1.
    """

    scale: Scale
    shared: Mapping[str, Any]
    changes: Mapping[str, Any]
    stage1: Mapping[str, Any]

    def __call__(self, kind: type[Config], settings: Mapping[str, Any], seed: int) -> Config:
        """One of a kind, with some settings beside the shared ones."""
        values = {**self.shared, **settings, "seed": seed}
        if kind is ClassifierTraining or kind is IdentityTraining:
            values = {name: value for name, value in values.items() if name not in ("perceptual",)}
        return make_config(kind, self.scale.preset, values)

    def editor_settings(self, cell: Cell, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """Those of a cell's stage 2; without: changes of the user's to leave out."""
        own = {**cell.editor, **{name: value for name, value in self.changes.items() if name not in without}}
        method = own.get("method", ExpressionTraining.method)
        tuned = TRAINING_METHODS[method].presets.get(self.scale.preset, {})
        scale = {name: value for name, value in self.scale.editor.items() if name not in _TUNED or name not in tuned}
        return {**scale, **self.scale.methods.get(method, {}), **own}

    def editor(self, cell: Cell, seed: int, without: tuple[str, ...] = ()) -> ExpressionTraining:
        """A cell's stage 2."""
        return self(ExpressionTraining, self.editor_settings(cell, without), seed)

    def stage1_settings(self, guide: str) -> dict[str, Any]:
        """Those of the depth network that a guided cell needs."""
        return {**self.scale.depth, **self.stage1, "guide": guide}
