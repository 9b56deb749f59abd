"""How well a fit tells the person from the expression: smiling photos of people who have a neutral one, too.

python benchmarks/person_or_expression.py datasets/london datasets/faces --noise 0.008 0.016 0.032 0.048 0.064

For each `noise` of `fit_face`, means over photos, inter-ocular distances over all landmarks but the outline's: how far
the smiling photo's landmarks are from the neutral one's, once what the fit calls expression is taken from them; and how
far the same moves those of the neutral photos, which show none. Landmarks are aligned; heads within 15 degrees.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from facerelief.array_types import Floats
from facerelief.data import Dataset
from facerelief.data.manifest import Sample
from facerelief.files.arrays import read_npz
from facerelief.geometry.morphable.fitting import APART, CLOSE, fit_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import align_shapes
from facerelief.geometry.topology import OUTLINE
from facerelief.geometry.transfer.expression_transfer import ExpressionTransfer

TURN, MOST = 15.0, 3  # degrees; photos of each expression and person
INNER = sorted(set(range(468)) - set(OUTLINE))


def pairs(dataset: Dataset) -> list[tuple[list[Floats], list[Floats]]]:
    """Landmarks (468, 3) of people's smiling and of their neutral photos."""
    photos: dict[str, dict[str, list[Floats]]] = defaultdict(lambda: defaultdict(list))
    for sample in dataset.samples:
        found = photos[sample.identity][sample.expression]
        if is_frontal(sample) and len(found) < MOST:
            found.append(read_npz(dataset.path / sample.mesh)["landmarks"].astype(np.float64))
    return [(one["happiness"], one["neutral"]) for one in photos.values() if one["happiness"] and one["neutral"]]


def is_frontal(sample: Sample) -> bool:
    return max(abs(sample.yaw), abs(sample.pitch)) <= TURN


def main(datasets: list[Path], noises: list[float]) -> None:
    transfer = ExpressionTransfer(load_face())
    neutral = transfer.targets("neutral")

    def placed(landmarks: Floats) -> Floats:
        return align_shapes(landmarks[None], transfer.face.mean.astype(np.float64))[0][INNER, :2]

    def without(landmarks: Floats, noise: float) -> Floats:
        return placed(transfer.moved_landmarks(landmarks, fit_face(transfer.face, landmarks, noise), neutral, 1.0))

    def apart(one: Floats, other: Floats) -> float:
        return float(np.linalg.norm(one - other, axis=1).mean())

    for path in datasets:
        people = pairs(Dataset(path))
        rest = [np.mean([placed(still) for still in stills], axis=0) for _, stills in people]
        both = [(smile, at) for (smiles, _), at in zip(people, rest, strict=True) for smile in smiles]
        unedited = np.mean([apart(placed(smile), at) for smile, at in both])
        print(f"{path}: {len(both)} smiling photos of {len(people)} people; as they are {unedited:.4f}")
        for noise in noises:
            left = np.mean([apart(without(smile, noise), at) for smile, at in both])
            moved = np.mean([apart(without(still, noise), placed(still)) for _, stills in people for still in stills])
            print(f"  noise {noise:.3f}: smiling {left:.4f}, neutral photos moved by {moved:.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--noise", type=float, nargs="+", default=[CLOSE, APART])
    given = parser.parse_args()
    main(given.datasets, given.noise)
