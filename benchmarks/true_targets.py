"""Landmarks of edits against the same people's own photos, by a network that had no part in making the edits.

python benchmarks/true_targets.py datasets/london --instruments package/model --method morphable relief stargan

Every person of a dataset with a neutral and a happy photo is edited from each to the other, in the dataset's crops, at
full strength. face-api's network finds 68 landmarks; the error is their mean distance from those of the true photo
after a similarity by nose and eye corners, over brows, nose, eyes and mouth, in inter-ocular distances. Intervals are
over people. The floor is the error of the true photo itself shrunk to 48 pixels: what the network's noise makes of it.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.data import Dataset
from facerelief.data.crops import read_crop
from facerelief.editing import METHODS, load_editor
from facerelief.evaluation.evidence.meter import LandmarkMeter, landmark_error
from facerelief.faces.detector import Face

NAMES = ("neutral", "happiness")


def pairs_of(data: Dataset) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """By person and expression the crop and its landmarks."""
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for sample in data.samples:
        if sample.expression in NAMES:
            found.setdefault(sample.identity, {}).setdefault(sample.expression, read_crop(data.path, sample))
    return {person: shown for person, shown in found.items() if len(shown) == len(NAMES)}


def told(title: str, errors: np.ndarray, before: np.ndarray) -> None:
    """Mean error with its 95 % interval over people, and of how many the edit is nearer than no edit."""
    half = 1.96 * errors.std(ddof=1) / np.sqrt(len(errors))
    nearer = (errors < before).mean()
    share = f"nearer than unedited for {nearer:.2f} of {len(errors)}"
    print(f"  {title:12} {errors.mean():.4f} ± {half:.4f}; {share}", flush=True)


def main() -> None:
    """Print a line an editor, for both directions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--instruments", type=Path, required=True)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
    asked = parser.parse_args()
    people = pairs_of(Dataset(asked.dataset))
    meter = LandmarkMeter(asked.instruments)
    editors = {method: load_editor(method=method) for method in asked.method}
    for source, target in (NAMES, NAMES[::-1]):
        before, after = (np.stack([one[name][0] for one in people.values()]) for name in (source, target))
        truth = meter(after)
        unedited = landmark_error(meter(before), truth)
        small = np.stack([np.asarray(Image.fromarray(x).resize((48, 48), Image.Resampling.BOX)) for x in after])
        print(f"{source} to {target}")
        told("floor", landmark_error(meter(small), truth), unedited)
        told("unedited", unedited, unedited)
        for method, editor in editors.items():
            goal = editor.target(target)
            made = [
                editor.apply(one[source][0], Face(one[source][1].astype(np.float32)), goal, 1.0).photo
                for one in people.values()
            ]
            told(method, landmark_error(meter(np.stack(made)), truth), unedited)


if __name__ == "__main__":
    main()
