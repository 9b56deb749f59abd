"""Relief: StarGAN's losses for a network that moves pixels before it paints any; the project's own.

Its flow and its mask are held back. Pseudo-targets of the morphable face teach it first (`warm_start`).
"""

from typing import Any, ClassVar

from facerelief.networks.relief import roughness
from facerelief.training import losses as eq
from facerelief.training.methods.method import TRAINING_METHODS, TrainingStep
from facerelief.training.methods.stargan import StarGANMethod

# It starts from the photo itself. With StarGAN's cycle weight its edits stay too close to the photo; with a large
# weight of Eq. 7, G_depth encodes the picture in dots.
_ALL = {
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
_GPU = {
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
}


@TRAINING_METHODS.add("relief")
class ReliefMethod(StarGANMethod):
    """StarGAN, with a flow and a mask that are held back."""

    title: ClassVar[str] = "relief, of this project"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": _ALL,
        "gpu": {**_ALL, **_MATCHING, **_GPU},
        "cpu": {**_ALL, **_MATCHING},
    }

    def warm_up_terms(self, step: TrainingStep) -> eq.Terms:
        """How much the flow stretches ("rgb/flow"), and how much the mask paints ("rgb/mask")."""
        output = step.edited.output
        assert output.flow is not None and output.mask is not None
        return {"rgb/flow": roughness(output.flow), "rgb/mask": output.mask.mean()}

    def weights(self) -> dict[str, float]:
        """Eq. 4, and those of flow and mask."""
        return super().weights() | {"rgb/flow": self.config.flow_weight, "rgb/mask": self.config.mask_weight}
