"""Movements of a face in the manner of Ekman's action units, measured on landmarks, and expressions in terms of them.

An action unit is measured as a distance on the aligned mesh; regressing meshes on all of them at once gives each its
movement: what the whole face does when that distance changes and the others do not. Photos of rare expressions are few
and their labels doubtful, so an expression also has targets for its action units, after Ekman and Friesen's tables
(FACS Investigator's Guide, 2002), which weigh more the fewer people showed it.
"""

import numpy as np

from facerelief.array_types import Floats

_X, _Y = 0, 1


def measure_units(meshes: Floats) -> Floats:
    """Action units (N, 14), as `UNITS`, of meshes or differences of meshes (N, 468, 3), in their unit; linear."""

    def mean(vertices: tuple[int, ...], axis: int) -> Floats:
        return meshes[:, list(vertices), axis].mean(axis=1)

    y = {name: mean(vertices, _Y) for name, vertices in _REGIONS.items()}
    left, right = mean((285, 336), _X), mean((55, 107), _X)
    corners = meshes[:, (61, 291), _X], meshes[:, (61, 291), _Y]
    found = {
        "inner brow up": -y["inner brow"],  # AU 1
        "outer brow up": -y["outer brow"],  # AU 2
        "brows together": right - left,  # AU 4
        "upper lid up": -y["upper lid"],  # AU 5
        "lower lid up": -y["lower lid"],  # AU 7
        "nose wings up": -y["nose wing"],  # AU 9
        "upper lip up": -y["upper lip"],  # AU 10
        "corners up": -corners[1].mean(axis=1),  # AU 12; down: AU 15
        "corners apart": corners[0][:, 1] - corners[0][:, 0],  # AU 20; together: AU 18
        "lips apart": y["inner lower lip"] - y["inner upper lip"],  # AU 25
        "jaw down": y["chin"],  # AU 26
        "lower lip up": y["chin"] - y["lower lip"],  # AU 17
        "lips thin": y["upper lip"] - y["inner upper lip"],  # AU 24; upper lip: both would follow from the others
        "one corner up": corners[1][:, 1] - corners[1][:, 0],  # AU 12 or 14 of one side
    }
    return np.stack([found[name] for name in UNITS], axis=1)


UNITS = (
    *("inner brow up", "outer brow up", "brows together", "upper lid up", "lower lid up", "nose wings up"),
    *("upper lip up", "corners up", "corners apart", "lips apart", "jaw down", "lower lip up", "lips thin"),
    "one corner up",
)
_REGIONS = {
    "inner brow": (55, 107, 285, 336),
    "outer brow": (46, 70, 63, 276, 300, 293),
    "upper lid": (158, 159, 160, 385, 386, 387),
    "lower lid": (144, 145, 153, 373, 374, 380),
    "nose wing": (64, 98, 294, 327),
    "upper lip": (37, 0, 267),
    "inner upper lip": (13,),
    "inner lower lip": (14,),
    "lower lip": (84, 17, 314),
    "chin": (152,),
}

# In inter-ocular distances (about 63 mm): what an actor's clear expression measures beyond the neutral face.
AU_TARGETS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happiness": {
        "corners up": 0.11,
        "corners apart": 0.2,
        "lower lid up": 0.02,
        "upper lip up": 0.04,
        "lips apart": 0.1,
    },
    "sadness": {
        "inner brow up": 0.06,
        "outer brow up": -0.02,
        "brows together": 0.05,
        "upper lid up": -0.015,
        "corners up": -0.09,
        "lower lip up": 0.05,
    },
    "surprise": {
        "inner brow up": 0.1,
        "outer brow up": 0.09,
        "upper lid up": 0.04,
        "jaw down": 0.16,
        "lips apart": 0.24,
        "corners apart": -0.08,
    },
    "fear": {
        "inner brow up": 0.09,
        "outer brow up": 0.04,
        "brows together": 0.04,
        "upper lid up": 0.045,
        "corners apart": 0.12,
        "corners up": -0.04,
        "lips apart": 0.12,
        "jaw down": 0.05,
    },
    "disgust": {
        "inner brow up": -0.08,
        "brows together": 0.07,
        "lower lid up": 0.05,
        "nose wings up": 0.09,
        "upper lip up": 0.11,
        "corners up": -0.02,
        "corners apart": 0.05,
        "lips apart": 0.03,
    },
    "anger": {
        "inner brow up": -0.08,
        "outer brow up": -0.03,
        "brows together": 0.07,
        "upper lid up": 0.02,
        "lower lid up": 0.02,
        "corners up": -0.04,
        "lips thin": 0.03,
    },
    "contempt": {"one corner up": 0.15, "corners up": 0.04, "upper lid up": -0.015, "lips thin": 0.02},
}

# The signs with which EMFACS names the measures (Friesen and Ekman, EMFACS-7, 1983), in place of its action units.
EMFACS: dict[str, dict[str, int]] = {
    "neutral": {},
    "happiness": {"lower lid up": 1, "corners up": 1, "corners apart": 1},  # 6 + 12
    "sadness": {"inner brow up": 1, "brows together": 1, "corners up": -1},  # 1 + 4 + 15
    "surprise": {
        "inner brow up": 1,
        "outer brow up": 1,
        "upper lid up": 1,
        "lips apart": 1,
        "jaw down": 1,
    },  # 1 + 2 + 5 + 26
    "fear": {  # 1 + 2 + 4 + 5 + 7 + 20 + 26
        "inner brow up": 1,
        "outer brow up": 1,
        "brows together": 1,
        "upper lid up": 1,
        "lower lid up": 1,
        "corners apart": 1,
        "jaw down": 1,
    },
    "disgust": {"nose wings up": 1, "upper lip up": 1, "corners up": -1},  # 9 or 10, 15
    "anger": {  # 4 + 5 + 7 + 17 + 23; 17 arches the lips
        "inner brow up": -1,
        "outer brow up": -1,
        "corners up": -1,
        "brows together": 1,
        "upper lid up": 1,
        "lower lid up": 1,
        "lips thin": 1,
    },
    "contempt": {"one corner up": 1},  # 12 or 14 of one side
}
ONE_SIDED = ("contempt",)


def au_targets(expression: str) -> Floats:
    """An expression's targets for all `UNITS`, (14,), in inter-ocular distances."""
    parts = AU_TARGETS[expression]
    return np.array([parts.get(name, 0.0) for name in UNITS])


# What photos hardly ever show without the rest of a face moving, so that modes learned from them cannot do it alone.
ISOLATED_UNITS = ("inner brow up", "outer brow up", "brows together", "corners up", "one corner up", "jaw down")
ISOLATED_INDICES = [UNITS.index(name) for name in ISOLATED_UNITS]  # their places among all
_NEAR, _CHIN = 0.16, 0.3  # inter-ocular distances, in which such a movement fades out, and that of the chin


def lone_movements(mean: Floats, free: Floats) -> Floats:
    """Smooth movements of a face, one for each action unit of `ISOLATED_UNITS`.

    Args:
        mean: (468, 3), the mean face.
        free: (468, 1), how free each vertex is to move, 0 to 1.

    Returns:
        (L, 468, 3); each grows its action unit by an inter-ocular distance, and none of the others of `ISOLATED_UNITS`.
    """
    rates = measure_units(np.eye(mean.size).reshape(-1, *mean.shape))[:, ISOLATED_INDICES]
    found = []
    for name, rate in zip(ISOLATED_UNITS, rates.T.reshape(-1, *mean.shape), strict=True):
        points = np.flatnonzero(rate.any(axis=1))
        distance = np.linalg.norm(mean[:, None] - mean[None, points], axis=2)
        near = np.exp(-((distance / (_CHIN if name == "jaw down" else _NEAR)) ** 2) / 2)
        way = near @ rate[points] / np.maximum(near.sum(axis=1, keepdims=True), 1e-12)
        found.append(way * near.max(axis=1, keepdims=True) * free)
    fields = np.stack(found)
    alone: Floats = np.tensordot(np.linalg.inv(measure_units(fields)[:, ISOLATED_INDICES]), fields, 1)
    return alone
