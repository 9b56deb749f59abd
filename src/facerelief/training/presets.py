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
    given = rename_settings(changes or {})
    types: dict[str, Any] = {name: hint for name, hint in get_type_hints(kind).items() if name != "options"}
    values: dict[str, Any] = dict(PRESETS[preset].get(kind, {}))
    options: dict[str, float] = {}
    if issubclass(kind, ExpressionTraining):
        from facerelief.training.methods import TRAINING_METHODS  # imports torch

        method = TRAINING_METHODS[given.get("method", ExpressionTraining.method)]
        of_method = method.presets.get(preset, {})
        options = {name: of_method.get(name, value) for name, value in method.options.items()}
        values |= {name: value for name, value in of_method.items() if name not in options}
    for name, value in given.items():
        if name in options:
            options[name] = _converted(name, value, float)
        elif name in types:
            values[name] = _converted(name, value, types[name])
        else:
            raise FacereliefError(f"no setting {name!r}; choose from {', '.join([*types, *options])}")
    if options:
        values["options"] = options
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
