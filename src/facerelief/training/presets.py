"""Presets: complete configurations of every kind of run for a machine, and the paper's numbers."""

from typing import Any, get_args, get_origin, get_type_hints

from facerelief.config import (
    ClassifierTraining,
    Config,
    DepthTraining,
    ExpressionTraining,
    IdentityTraining,
    Training,
    rename_settings,
)
from facerelief.errors import FacereliefError
from facerelief.expressions import resolve_all

_CPU = {
    "size": 64,
    "width": 32,
    "d_width": 32,
    "d_max_channels": 512,
    "objective": "r1",
    "d_steps": 1,
    "batch": 16,
    "lr": 2e-4,
    "d_lr": 4e-4,
    "r1_weight": 0.16,
    "d_init": "he",
    "precision": "auto",
    "perceptual": "none",
    "augment": True,
    "ema": 0.998,
    "sample_every": 250,
    "save_every": 250,
}
_GPU = {
    "size": 128,
    "objective": "r1",
    "d_steps": 1,
    "batch": 32,
    "lr": 2e-4,
    "d_lr": 2e-4,
    "r1_weight": 1.6,
    "d_init": "he",
    "precision": "auto",
    "augment": True,
}
# Stage 1 weighs the accuracy of the map most: with the paper's weights Eqs. 5-7 outweigh Eq. 9 (docs/training.md).
_ACCURATE = {"adv_weight": 0.1, "cls_weight": 0.1, "rec_weight": 1.0, "pix_weight": 30.0}
# This backbone starts from the photo itself. With StarGAN's cycle weight its edits stay too close to the photo; with a
# large weight of Eq. 7, G_depth encodes the picture in dots.
_RELIEF = {
    "warm_start": "morphable",
    "warm_up": 1_000,
    "lr": 5e-4,
    "rec_weight": 1.0,
    "flow_distill_weight": 0.3,
    "depth_rec_weight": 0.1,
    "pix_weight": 30.0,
    "r1_weight": 0.3,
    "paint_weight": 20.0,
}
# The class loss has no optimum and causes artefacts; the per-class adversarial loss saturates where real images do.
# `depth_weight` is larger because `cls_weight` scales the guidance's class term too.
_MATCHING = {"match_weight": 1.0, "cls_weight": 0.1, "depth_weight": 0.3, "d_local": True}
_RELIEF_ON: dict[str, dict[str, Any]] = {
    "cpu": _MATCHING,
    "gpu": {
        **_MATCHING,
        "width": 48,
        "d_width": 48,
        "d_max_channels": 512,
        "min_photos": 100,
        "batch": 16,
        "d_lr": 4e-4,
        "warm_up": 800,
        "steps": 2_400,
        "decay_from": 0.6,
        "ema": 0.998,
        "edit_gain": 1.44,
    },
}
PRESETS: dict[str, dict[type[Training], dict[str, Any]]] = {
    "paper": {
        DepthTraining: {"decay_from": 1.0, "ema": 0.0, "balanced": False},
        ExpressionTraining: {"decay_from": 1.0, "ema": 0.0, "balanced": False},
        ClassifierTraining: {},
        IdentityTraining: {},
    },
    "gpu": {
        DepthTraining: {**_GPU, **_ACCURATE, "r1_weight": 0.16, "steps": 20_000},
        ExpressionTraining: {**_GPU, "steps": 60_000, "warm_up": 2_000, "smooth": True},
        ClassifierTraining: {"size": 128, "precision": "auto", "steps": 6_000},
        IdentityTraining: {"size": 128, "precision": "auto"},
    },
    "cpu": {
        DepthTraining: {**_CPU, **_ACCURATE, "r1_weight": 0.016, "steps": 2_000},
        ExpressionTraining: {**_CPU, "steps": 4_000, "warm_up": 400, "cls_weight": 0.5, "smooth": True},
        ClassifierTraining: {"size": 64, "precision": "auto", "width": 24, "steps": 1_000},
        IdentityTraining: {"size": 64, "precision": "auto", "width": 16, "steps": 1_500, "save_every": 100},
    },
}


def make_config(kind: type[Config], preset: str, changes: dict[str, Any] | None = None) -> Config:
    """A configuration from a preset.

    Args:
        kind: The configuration's class.
        preset: "paper", "gpu" or "cpu".
        changes: Values by setting, of today's or earlier names; text is converted to the setting's type.

    Raises:
        FacereliefError: The preset or a setting is unknown (the message lists the known ones), or a value is out of
            range.
    """
    if preset not in PRESETS:
        raise FacereliefError(f"no preset {preset!r}; choose from {', '.join(PRESETS)}")
    types = get_type_hints(kind)
    values: dict[str, Any] = dict(PRESETS[preset].get(kind, {}))
    if (changes or {}).get("backbone") == "relief":
        values |= _RELIEF | _RELIEF_ON.get(preset, {})
    for name, value in rename_settings(changes or {}).items():
        if name not in types:
            raise FacereliefError(f"no setting {name!r}; choose from {', '.join(types)}")
        values[name] = _converted(name, value, types[name])
    return kind(**values)


def _converted(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, str) or kind is str:
        return value
    if name == "expressions":
        return resolve_all(value)
    try:
        if kind is bool:
            return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}[value.lower()]
        if get_origin(kind) is tuple:
            item = get_args(kind)[0]
            return tuple(item(part.strip()) for part in value.split(","))
        return kind(value)
    except (KeyError, ValueError) as reason:
        raise FacereliefError(f"{name} cannot be {value!r}; it is a {getattr(kind, '__name__', kind)}") from reason
