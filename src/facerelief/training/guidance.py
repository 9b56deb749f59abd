"""The guidance of an editor by the depth network: Eqs. 5 to 10 on edits, whatever method made them."""

import os
from dataclasses import dataclass
from pathlib import Path

from facerelief.checkpoint import Checkpoint, save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.errors import FacereliefError
from facerelief.files import sha256
from facerelief.networks.weights import named_tensors
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets, Features, depth_critic_terms
from facerelief.training.methods.method import TrainingStep
from facerelief.training.steps.gan_step import augment

TRAINED_DEPTH = "depth.safetensors"  # in a run of stage 2: the depth network that it trained
STARTED_FROM = "started_from_sha256"  # its fact: the checksums of those from which it started, with commas between


@dataclass(frozen=True)
class Guidance:
    """The networks that guide a run.

    Attributes:
        nets: Of a finished stage 1.
        features: V of Eq. 10, where G_depth is trained too.
    """

    nets: DepthNets
    features: Features | None = None

    def with_nets(self, nets: DepthNets) -> "Guidance":
        """The same, with the modules that a session prepared."""
        return Guidance(nets, self.features)

    def terms(self, step: TrainingStep, config: ExpressionTraining) -> eq.Terms:
        """L_depth on the edits (Eq. 8) and, unless G_depth is frozen, the anchor on real pairs.

        Returns:
            Unweighted scalars, named as in `guidance_weights`.
        """
        d_t, nets = step.edited.d_t, self.nets
        assert d_t is not None
        fake = nets.discriminator(augment(d_t, step.noise, config.augment, light=False))
        classes = eq.classification(fake.classes, step.edited.y_t, step.known_classes)
        terms = {
            "depth/adv": eq.adversarial_generator(fake.real, config.objective),  # Eq. 5
            "depth/cls": step.known_scale * classes,  # Eq. 6
            "depth/rec": eq.reconstruction(step.edited.i_t, nets.translator(d_t, to="image")),  # Eq. 7
        }
        return terms if config.freeze_depth else terms | self._anchor(step.batch)

    def critic_terms(self, step: TrainingStep, config: ExpressionTraining) -> eq.Terms:
        """D_depth's terms: Eqs. 5 and 11, with y_s on real maps."""
        assert step.edited.d_t is not None
        return depth_critic_terms(self.nets, step.batch, step.edited.d_t.detach(), config, step.noise)

    def _anchor(self, batch: Batch) -> eq.Terms:
        d_hat = self.nets.translator(batch.image)
        terms = {"depth/pix": eq.pixel(batch.geometry, d_hat)}  # Eq. 9
        if self.features is not None:
            terms["depth/per"] = eq.perceptual(self.features, batch.geometry, d_hat)  # Eq. 10
        return terms


def guidance_weights(config: ExpressionTraining) -> dict[str, float]:
    """depth_weight * (adv + cls) + depth_rec_weight * rec, and the anchor's own weights."""
    return {
        "depth/adv": config.depth_weight * config.adv_weight,
        "depth/cls": config.depth_weight * config.cls_weight,
        "depth/rec": config.depth_rec_weight,
        "depth/pix": config.pix_weight,
        "depth/per": config.per_weight,
    }


def check_guide(config: ExpressionTraining, guidance: Guidance | None) -> None:
    """Raise `FacereliefError` where a run's guide and its depth network do not go together."""
    if (guidance is None) != (config.guide == "none"):
        raise FacereliefError(
            f"guide {config.guide} and the depth network do not fit: give --depth RUN, or --guide none"
        )


def save_trained_depth(folder: Path, guidance: Guidance, stage1: Checkpoint, taught: dict[str, str]) -> None:
    """Save the depth network as stage 2 left it, in the form of a stage 1, so that it can be reported and guide again.

    Args:
        folder: The run of stage 2.
        guidance: Its networks.
        stage1: What it started from.
        taught: Facts of judges that the run learnt from.
    """
    if int(os.environ.get("RANK", "0")) > 0:  # of torchrun's processes the first alone writes
        return
    tensors = named_tensors(translator=guidance.nets.translator, critic=guidance.nets.discriminator)
    before = ",".join([*filter(None, [stage1.facts.get(STARTED_FROM)]), sha256(stage1.path)])
    save_checkpoint(folder / TRAINED_DEPTH, "depth", tensors, stage1.facts | taught | {STARTED_FROM: before})
