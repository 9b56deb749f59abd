"""What tells a generator which expression a face is to show: classes, action units, landmarks, or other photos.

Everything comes from the dataset: `measure` finds what a kind needs of each photo, `collect` what it keeps of training
photos for edits. A trained editor's file carries its condition, so that photos can be edited without the dataset.
"""

from facerelief.config import ExpressionTraining
from facerelief.data.conditions.condition import CONDITIONS, Condition
from facerelief.data.conditions.exemplars import Exemplars
from facerelief.data.conditions.landmarks import TargetLandmarks
from facerelief.data.conditions.one_hot import OneHot
from facerelief.data.conditions.units import ActionUnits
from facerelief.networks.backbones import BACKBONES

__all__ = [
    "CONDITIONS",
    "ActionUnits",
    "Condition",
    "Exemplars",
    "OneHot",
    "TargetLandmarks",
    "build_condition",
]


def build_condition(config: ExpressionTraining) -> Condition:
    """The condition of a run's method. Raises `FacereliefError` for an unknown method or kind."""
    return CONDITIONS[BACKBONES[config.method].condition](config)
