"""What a training run is: frozen, complete, written to the run's config.json.

`steps` counts discriminator iterations, as the paper's "200k / 300k" are read (docs/paper.md); the generators take one
step after every `d_steps` of them.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.files.json import to_dataclass

if TYPE_CHECKING:
    from facerelief.network_input import NetworkInput

OBJECTIVES = ("wgan-gp", "vanilla", "hinge", "r1")
GEOMETRY_TARGETS = ("depth", "normal", "both")
GUIDES = (*GEOMETRY_TARGETS, "none")
WARM_STARTS = ("none", "morphable", "paired")
PERCEPTUALS = ("vgg19", "judge", "none")
PRECISIONS = ("no", "bf16", "auto")
_COUNTS = (
    *("width", "blocks", "d_width", "batch", "accumulate", "steps", "d_steps", "r1_every", "d_max_channels"),
    *("lr_every", "log_every", "sample_every", "save_every"),
)
_MOST = {
    "width": 1024,
    "d_width": 1024,
    "d_max_channels": 8192,
    "blocks": 64,
    "dimensions": 8192,  # 16 times the paper's
    "smoothing": 1,
}


@dataclass(frozen=True)
class Training:
    """Common to both stages; the defaults are the paper's where it gives them."""

    size: int = 256  # crop side in pixels
    colour: str = "rgb"  # "rgb", or "luma": the networks see and change luminance only
    expressions: tuple[str, ...] = EXPRESSIONS
    width: int = 64  # channels of a generator's first layer
    blocks: int = 6  # residual blocks
    d_width: int = 64  # channels of a discriminator's first layer
    d_max_channels: int = 2048  # most channels of a discriminator's layer; to save memory, lower this first
    d_local: bool = False  # discriminators also classify small patches
    d_init: str = "torch"  # discriminators' initial weights: "torch" (StarGAN's) or "he", which learns sooner
    objective: str = "wgan-gp"
    gp_weight: float = 10.0  # gradient penalty of wgan-gp
    r1_weight: float = 1.0  # of objective r1, every `r1_every` discriminator steps; large values make D uninformative
    r1_every: int = 16
    d_steps: int = 5  # discriminator steps for each generator step
    batch: int = 8  # photos that the optimiser sees in a step, whatever computes them
    accumulate: int = 1  # passes in which a process goes through its share of a batch, to save memory
    steps: int = 300_000
    lr: float = 1e-4  # of the generators
    d_lr: float = 1e-4  # of the discriminators
    betas: tuple[float, float] = (0.5, 0.999)
    decay_from: float = 0.5  # share of the steps after which rates fall linearly to 0; 1.0 keeps them constant
    lr_factor: float = 1.0  # of the rates, once more every `lr_every` steps; 1.0 keeps them
    lr_every: int = 1_000
    weight_decay: float = 0.0  # of Adam
    adv_weight: float = 1.0
    cls_weight: float = 1.0
    rec_weight: float = 10.0
    conf_penalty: float = 0.1  # beta of Eq. 11
    pix_weight: float = 10.0  # Eq. 9
    per_weight: float = 1.0  # Eq. 10
    perceptual: str = "vgg19"  # features of Eq. 10: "vgg19", "judge" or "none"
    ema: float = 0.999  # decay of the averaged generators, per generator step
    balanced: bool = True  # every expression equally often
    soft_labels: bool = False  # class terms on photos ask for the shares of the votes, where a dataset has votes
    min_photos: int = 0  # an expression with fewer training photos is a target only: its photos are in no batch
    augment: bool = False  # discriminators see jittered pictures, so that they do not memorise small classes
    precision: str = "no"  # "no" (fp32), "bf16", or "auto": what is fastest on the processor that a run begins on
    seed: int = 0
    log_every: int = 50  # steps
    sample_every: int = 1000
    save_every: int = 1000

    def __post_init__(self) -> None:
        _check(self, "objective", OBJECTIVES)
        _check(self, "colour", ("rgb", "luma"))
        _check(self, "d_init", ("torch", "he"))
        _check(self, "perceptual", PERCEPTUALS)
        _check(self, "precision", PRECISIONS)
        if self.size not in (32, 48, 64, 96, 128, 192, 256):
            raise FacereliefError(f"size {self.size} does not fit the networks; choose 32, 48, 64, 96, 128, 192 or 256")
        _check_numbers(self)
        if not 0 <= self.seed < 2**32:
            raise FacereliefError(f"seed must lie between 0 and {2**32 - 1}, not {self.seed}")
        if len(self.expressions) < 2:
            raise FacereliefError("training needs at least two expressions")
        if len(set(self.expressions)) < len(self.expressions):
            raise FacereliefError(f"an expression stands twice among {', '.join(self.expressions)}; name each once")
        for name in self.expressions:
            _check_choice("expression", name, EXPRESSIONS)

    @property
    def channels(self) -> int:
        """Of the images that the networks see."""
        return {"rgb": 3, "luma": 1}[self.colour]

    @property
    def network_input(self) -> "NetworkInput":
        """How crops reach the run's networks."""
        from facerelief.network_input import NetworkInput

        return NetworkInput(self.size, self.colour)


@dataclass(frozen=True)
class DepthTraining(Training):
    """Stage 1: G_depth, G'_depth and D_depth on real pairs (Eqs. 5-11)."""

    guide: str = "depth"  # geometry to estimate: "depth", "normal" or "both"
    batch: int = 15
    steps: int = 200_000

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "guide", GEOMETRY_TARGETS)


@dataclass(frozen=True)
class ExpressionTraining(Training):
    """Stage 2: G_rgb and D_rgb under the guidance of the depth network (Eqs. 1-8, 11)."""

    guide: str = "depth"  # "none" is the StarGAN baseline
    depth_weight: float = 0.1  # Table 3's weight of the depth network's adversarial and classification terms
    depth_rec_weight: float = 1.0  # of Eq. 7
    method: str = "stargan"  # of `training.methods`: networks, conditions and terms beside the guidance
    options: dict[str, float] = field(default_factory=dict)  # settings that the method alone has
    # G_rgb also learns from pseudo-targets. "morphable": the morphable editor's edits of the photos; "paired": the true
    # pictures of their scenes, which synthetic datasets have, and edits of other photos.
    warm_start: str = "none"
    warm_up: int = 0  # first steps in which G_rgb learns from those alone, or to copy; discriminators train from step 0
    match_weight: float = 0.0  # of the adversarial loss of each expression (a matching head); 0 disables it
    image_distill_weight: float = 3.0  # of the distance to those edits
    id_weight: float = 0.0  # of the identity distance from photo to edit; its encoder must not score the editor
    flow_distill_weight: float = 0.5  # of method "relief": of its flow's squared distance to theirs, in pixels
    paint_weight: float = 0.0  # of method "relief": of what it paints where those edits only move
    flow_weight: float = 0.1  # of method "relief": how much its flow stretches
    mask_weight: float = 0.02  # of method "relief": how much it paints
    edit_gain: float = 1.0  # factor on G_rgb's change at strength 1; networks regress to the mean and change too little
    smooth: bool = False  # smooth G_rgb's change by a 3x3 binomial filter
    freeze_depth: bool = False  # False: G_depth is trained too, anchored by Eqs. 9 and 10 on real pairs

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, "guide", GUIDES)
        _check(self, "warm_start", WARM_STARTS)
        if self.match_weight and self.objective == "wgan-gp":
            raise FacereliefError(
                "match_weight has no gradient penalty; choose another objective, or --set match_weight=0"
            )
        for name, value in self.options.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise FacereliefError(f"{name!a:.60} must be a number of 0 or more, not {value!a:.40}")


@dataclass(frozen=True)
class ClassifierTraining(Training):
    """The expression classifier that scores edits; trained on real photos only."""

    width: int = 32
    batch: int = 64
    steps: int = 3_000
    lr: float = 1e-3
    ema: float = 0.995
    decay_from: float = 0.2
    smoothing: float = 0.1  # of the labels: much of the data is mislabelled


@dataclass(frozen=True)
class IdentityTraining(Training):
    """The identity encoder that measures whether an edit still shows the same person.

    An encoder that trained an editor (`id_weight`) must not score that editor.
    """

    width: int = 32
    batch: int = 128
    steps: int = 6_000
    lr: float = 1e-3
    ema: float = 0.995
    decay_from: float = 0.3
    dimensions: int = 128  # of the embedding
    temperature: float = 0.1  # of the softmax over cosines; the smaller, the more weight on the nearest other people
    singleton_share: float = 0.4  # share of a batch that shows persons with one photo, twice each

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dimensions < 1:
            raise FacereliefError(f"dimensions must be at least 1, not {self.dimensions}")
        if self.batch < 4:
            raise FacereliefError(f"batch must be at least 4, two photos of two persons, not {self.batch}")
        if not self.temperature > 0:
            raise FacereliefError(f"temperature must be above 0, not {self.temperature}")
        if not 0 <= self.singleton_share <= 1:
            raise FacereliefError(f"singleton_share must lie between 0 and 1, not {self.singleton_share}")


Config = TypeVar("Config", bound=Training)

# Settings of earlier versions by their names of today; files and commands may hold either.
RENAMED_SETTINGS = {
    "backbone": "method",
    "fewest": "min_photos",
    "full": "edit_gain",
    "pair_weight": "image_distill_weight",
    "single": "singleton_share",
    "way_weight": "flow_distill_weight",
}


def rename_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under their names of today."""
    return {RENAMED_SETTINGS.get(name, name): value for name, value in values.items()}


def from_json(kind: type[Config], values: Any) -> Config:
    """The configuration stored in a run's config.json.

    Args:
        kind: The configuration's class.
        values: The parsed value of "config"; names of earlier versions are accepted.

    Raises:
        FacereliefError: `values` is damaged, or has settings of another version.
    """
    if not isinstance(values, dict):
        raise FacereliefError("the run's config is no object; it is damaged")
    values = rename_settings(values)
    names = {one.name for one in dataclasses.fields(kind)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise FacereliefError(f"the run's config has an unknown setting {unknown[0]!a:.60}; it is from another version")
    try:
        return to_dataclass(kind, values)
    except ValueError as reason:
        raise FacereliefError(f"the run's config is damaged: {reason}") from reason


def _check_numbers(config: Training) -> None:
    for name in _COUNTS:
        if getattr(config, name) < 1:
            raise FacereliefError(f"{name} must be at least 1, not {getattr(config, name)}")
    for name, most in _MOST.items():
        if getattr(config, name, 0) > most:
            raise FacereliefError(f"{name} must be at most {most}, not {getattr(config, name)}")
    for one in dataclasses.fields(config):
        value = getattr(config, one.name)
        if isinstance(value, int | float) and one.name != "seed" and not (math.isfinite(value) and value >= 0):
            raise FacereliefError(f"{one.name} must be a number of 0 or more, not {value}")
    if config.lr == 0 or config.d_lr == 0:
        raise FacereliefError("lr and d_lr must be above 0")
    if config.decay_from > 1 or config.lr_factor > 1 or config.ema >= 1:
        raise FacereliefError("decay_from must be at most 1, lr_factor too, and ema below 1")
    if len(config.betas) != 2 or not all(0 <= beta < 1 for beta in config.betas):
        raise FacereliefError(f"betas must be two numbers from 0 to below 1, not {config.betas}")


def _check(config: Training, name: str, choices: tuple[str, ...]) -> None:
    _check_choice(name, getattr(config, name), choices)


def _check_choice(kind: str, name: str, choices: tuple[str, ...]) -> None:
    if name not in choices:
        raise FacereliefError(f"no {kind} {name!r:.60}; choose from {', '.join(choices)}")
