"""All instruments of the evidence, and one pass of them over an editor's edits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facerelief.array_types import Int64
from facerelief.checkpoint import load_checkpoint, weights_in
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.errors import FacereliefError
from facerelief.evaluation.evidence.judges import FACE_API_JUDGE, Judge, face_api_judge, landmark_judge, own_judge
from facerelief.evaluation.evidence.measure import (
    EDIT_STRENGTHS,
    LevelsEdit,
    TruePairs,
    confusion_of,
    drawn_rows,
    judged_edits,
    leave_alone,
    network_edit,
    true_target_errors,
)
from facerelief.evaluation.evidence.meter import FACE_API_METER, LandmarkMeter
from facerelief.evaluation.outside.face_api_weights import tfjs_digest
from facerelief.networks.backbones import BACKBONES, build_backbone
from facerelief.networks.weights import build_network

UNEDITED = "unedited"
BUILT_IN_JUDGES = (FACE_API, LANDMARKS) = ("face-api", "landmarks")


@dataclass(frozen=True)
class EvidenceInstruments:
    """Judges, meter and the photos that are edited.

    Attributes:
        test: Test photos.
        rows: Which of them are edited.
        judges: By name.
        meter: Of landmarks.
        pairs: People with true targets, at the size and colour of `test`.
    """

    test: Arrays
    rows: Int64
    judges: Mapping[str, Judge]
    meter: LandmarkMeter
    pairs: TruePairs

    def __call__(self, edit: LevelsEdit, strengths: Sequence[float] = EDIT_STRENGTHS) -> dict[str, Any]:
        """What the instruments say of edits, by strength: confusions by judge, levels changed, landmark errors."""
        return {f"{strength:g}": self._at(edit, strength) for strength in strengths}

    def baselines(self) -> dict[str, Any]:
        """The same of photos left alone, and the judges' confusions on all real test photos."""
        levels = np.asarray(self.test.image)
        real = {
            name: confusion_of(self.test.label, judge(levels), len(self.test.expressions)).tolist()
            for name, judge in self.judges.items()
        }
        return {UNEDITED: self(leave_alone, (1.0,)), "real": real}

    def _at(self, edit: LevelsEdit, strength: float) -> dict[str, Any]:
        found = judged_edits(edit, self.test, self.rows, self.judges, strength)
        before = np.asarray(self.test.image[found["rows"]], dtype=float)
        return {
            "confusion": found["confusion"],
            "n": found["n"],
            "change": float(np.abs(found["levels"] - before).mean()),
            "london": true_target_errors(edit, self.pairs, self.test.expressions, self.meter, strength),
        }


def instrument_digests(model: Path) -> dict[str, str]:
    """Checksums of face-api's networks, in its folder `model`. Raises `CheckpointError` where they are missing."""
    return {name: tfjs_digest(model, name) for name in (FACE_API_JUDGE, FACE_API_METER)}


def assemble(
    model: Path, judges: Sequence[Path], train: Arrays, test: Arrays, pairs: TruePairs, a_class: int
) -> EvidenceInstruments:
    """Load the instruments.

    Args:
        model: `model` of the npm package @vladmandic/face-api.
        judges: Runs of `train judge`.
        train: Real photos that the judge by landmarks learns from.
        test: Photos to edit, with the same expressions.
        pairs: As of `EvidenceInstruments`.
        a_class: So many test photos of each expression are edited.

    Raises:
        CheckpointError: A network is missing or damaged.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    meter = LandmarkMeter(model, device)
    found: dict[str, Judge] = {
        FACE_API: face_api_judge(model, test.expressions, device=device),
        LANDMARKS: landmark_judge(train, meter),
    }
    found |= {run.name: own_judge(run, test.expressions, device=device) for run in judges}
    return EvidenceInstruments(test, drawn_rows(test, a_class), found, meter, pairs)


def edit_of_run(run: Path) -> LevelsEdit:
    """The edits of a run of stage 2.

    Raises:
        CheckpointError: Its weights cannot be read.
        FacereliefError: Its method takes another condition than the expression's label.
    """
    saved = load_checkpoint(weights_in(run), "editor")
    config = saved.config(ExpressionTraining)
    kind = BACKBONES[config.method].condition
    if kind != "class":
        raise FacereliefError(f"{run} edits by {kind}, not by the expression's label; leave it out")
    generator = build_network(saved, lambda: build_backbone(config), "generator").eval().requires_grad_(False)
    return network_edit(generator.to("cuda" if torch.cuda.is_available() else "cpu"), len(config.expressions))
