"""Action units of the mesh: GANimation's conditions, without OpenFace.

Units are how far landmarks are moved along each unit's shape (`geometry.morphable.measuring`), the mean of both sides,
0 for none and 1 for the full movement. An expression is asked for by the units of a random real photo that shows it.
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facerelief.array_types import Float32, Floats, Int64
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, to_device
from facerelief.data.conditions.condition import CONDITIONS, Condition
from facerelief.data.conditions.per_photo import LandmarkMeasure, measure_landmarks
from facerelief.data.crops import read_alignment
from facerelief.data.manifest import Sample
from facerelief.errors import DatasetError
from facerelief.geometry.morphable.action_units import ACTION_UNITS, SIDES
from facerelief.geometry.morphable.fitting import APART, fit_face
from facerelief.geometry.morphable.measuring.matching import match_movement
from facerelief.geometry.morphable.measuring.responses import carried_responses
from facerelief.geometry.morphable.model import carried_face, load_face
from facerelief.progress import Progress, no_progress

# Those of OpenFace that GANimation uses, by FACS number; for AU23, AU25 and AU45, which the rig names otherwise or
# lacks, AU24 (lip pressor), AU16 (lower lip depressor) and AU43 (eyes closed).
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 24, 26, 43)
_KEPT = 64  # photos of each expression whose units travel with the weights
_NAME = "units-2"  # of the file of units; another version of the estimator gets another


def estimate_units() -> LandmarkMeasure:
    """A function from landmarks (468, 3) to the units that they show, (U,) in [0, 1].

    The morphable face is fitted; its identity is the same face without expression. Amounts of the rig's shapes are
    those that move landmarks from there to where they are (`match_movement`).

    Example:
        >>> from facerelief.geometry.morphable.measuring import load_responses
        >>> reported = load_responses()
        >>> jaw = load_face().mean + 0.6 * reported.shapes[reported.names.index("jawOpen")]
        >>> units = estimate_units()(100 * jaw + 200, 400)
        >>> UNITS[int(units.argmax())]
        26
    """
    face = load_face()

    def units(landmarks: Floats, size: int) -> Float32:
        still = face.shape(fit_face(face, landmarks, APART).identity)
        amounts = match_movement(face, landmarks, still)
        return np.clip([_of_both_sides(amounts, number) for number in UNITS], 0, 1).astype(np.float32)

    return units


def _of_both_sides(amounts: dict[str, float], number: int) -> float:
    """A unit's amount, the mean of both sides where it has sides; of amounts by the names of a rig's shapes."""
    stem = ACTION_UNITS[number][1]
    return amounts.get(stem, 0.0) or sum(amounts.get(stem + side, 0.0) for side in SIDES) / len(SIDES)


@CONDITIONS.add("units")
class ActionUnits(Condition):
    """Intensities (N, U) of the action units `UNITS`, in [0, 1].

    Attributes:
        table: (K, M, U), units of M training photos of each of K expressions, the most typical first.
    """

    random = True
    meaning = f"intensities in [0, 1] of the action units {', '.join(map(str, UNITS))}"
    carries = f"the action units of {_KEPT} training photos of each expression, without the photos"
    table: Tensor

    def __init__(self, config: ExpressionTraining) -> None:
        super().__init__(config)
        self.register_buffer("table", torch.zeros(len(config.expressions), _KEPT, len(UNITS)))

    def check(self, dataset: Path, sample: Sample) -> None:
        """As `Condition.check`: meshes."""
        read_alignment(dataset / sample.mesh)

    def measure(self, dataset: Path, arrays: Arrays, progress: Progress = no_progress) -> Arrays:
        """As `Condition.measure`: "units", (N, U)."""
        if "units" in arrays.measured:
            return arrays
        made_of = [carried_face(), carried_responses()]
        units = measure_landmarks(dataset, arrays, _NAME, estimate_units, (len(UNITS),), made_of, progress)
        return dataclasses.replace(arrays, measured={**arrays.measured, "units": units})

    def collect(self, train: Arrays) -> None:
        """As `Condition.collect`: the `table`."""
        units = np.asarray(train.measured["units"])
        self.table = torch.stack(
            [
                torch.from_numpy(units[typical_rows(units, train, label, _KEPT)])
                for label in range(len(train.expressions))
            ]
        ).to(self.table)

    @property
    def shape(self) -> tuple[int, ...]:
        """As `Condition.shape`."""
        return (len(UNITS),)

    def own(self, arrays: Arrays, batch: Batch) -> Tensor:
        """As `Condition.own`."""
        return to_device(torch.from_numpy(np.array(arrays.measured["units"][batch.rows])), batch.image.device)

    def towards(self, arrays: Arrays, batch: Batch, y_t: Tensor, draws: Tensor | None = None) -> Tensor:
        """As `Condition.towards`: units of a training photo."""
        place = torch.zeros_like(y_t) if draws is None else (draws * self.table.shape[1]).long()
        return self.table.to(batch.image.device)[y_t, place]

    def of_face(self, landmarks: Floats, to: int) -> Float32:
        """As `Condition.of_face`: those of the most typical photo."""
        return self.table[to, :1].cpu().numpy()


def typical_rows(values: Floats, arrays: Arrays, label: int, count: int) -> Int64:
    """Rows of `count` photos of a class: a random draw, the same each time, that with the most typical value first.

    Args:
        values: (N, D), of each photo.
        arrays: The photos.
        label: The class.
        count: How many; photos occur more than once where there are fewer.

    Raises:
        DatasetError: No photo shows the class.
    """
    rows = np.flatnonzero(arrays.label == label)
    if not len(rows):
        raise DatasetError(
            f"no training photo shows {arrays.expressions[label]}, so nothing says how; leave it out with --expressions"
        )
    apart = np.linalg.norm(values[rows] - np.median(values[rows], axis=0), axis=1)
    drawn = np.resize(np.random.default_rng(label).permutation(rows), count)
    drawn[0] = rows[int(apart.argmin())]
    return drawn
