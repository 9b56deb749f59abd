"""Whether an engine agrees with PyTorch, how fast it is, and which one is to be taken."""

import contextlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from facerelief.array_types import Float32
from facerelief.config import ExpressionTraining
from facerelief.editing.engines.runtimes import ENGINES, PACKAGES, Engine, conversion
from facerelief.errors import CheckpointError
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait

if TYPE_CHECKING:
    from torch import nn

    from facerelief.data.conditions import Condition

AUTO = "auto"
MAX_MEAN_ERROR, MAX_ERROR = 0.004, 0.06  # errors of an engine that agrees, at most: half a level, eight levels of 255


@dataclass(frozen=True)
class Parity:
    """How an engine compares with PyTorch fp32 on synthetic faces.

    Attributes:
        engine: Its name.
        largest: The largest error of each output: images and colours in [-1, 1], masks in [0, 1], flow in sides.
        mean: The mean error of each output.
        milliseconds: The least that one face took.
    """

    engine: str
    largest: dict[str, float]
    mean: dict[str, float]
    milliseconds: float

    @property
    def agrees(self) -> bool:
        """Whether nobody would see the difference."""
        return max(self.largest.values()) <= MAX_ERROR and max(self.mean.values()) <= MAX_MEAN_ERROR


def installed_engines() -> list[str]:
    """The engines whose packages are there."""
    return [name for name in ENGINES if importlib.util.find_spec(PACKAGES[name])]


def load_engine(
    name: str, generator: "nn.Module", condition: "Condition", config: ExpressionTraining
) -> tuple[str, Engine]:
    """Build an engine.

    Args:
        name: One of `ENGINES`, or `AUTO` for the fastest that is installed and agrees with PyTorch.
        generator: The network that it is to run.
        condition: The network's.
        config: The network's configuration.

    Returns:
        The engine's name, and the engine.

    Raises:
        FacereliefError: There is no such engine.
        MissingExtra: Its package is not installed.
        CheckpointError: The network gives numbers that are none, so that no engine agrees.
    """
    example = example_inputs(config, condition)
    if name != AUTO:
        return name, ENGINES[name](generator, example)
    built = {"torch": ENGINES["torch"](generator, example)}
    compared, inputs = [], synthetic_inputs(config, condition, persons=1)
    for one in installed_engines():
        with contextlib.suppress(RuntimeError):  # what a processor lacks, an engine may tell only when it is tried
            built[one] = built.get(one) or ENGINES[one](generator, example)
            compared.append(compare_engines(one, built[one], built["torch"], generator, *inputs))
    agreeing = [one for one in compared if one.agrees]
    if not agreeing:  # not even PyTorch with itself
        raise CheckpointError("these weights make pixels that are not numbers; train them again, with a lower rate")
    best = min(agreeing, key=lambda one: one.milliseconds)
    return best.engine, built[best.engine]


def compare_engines(
    name: str,
    engine: Engine,
    reference: Engine,
    generator: "nn.Module",
    images: Float32,
    conditions: Float32,
    repeats: int = 5,
) -> Parity:
    """Run an engine and a reference on the same faces, and the engine again on one of them, to time it.

    Args:
        name: The engine's.
        engine: The engine.
        reference: What it is to agree with.
        generator: The network that both run.
        images: (N, C, S, S) in [-1, 1].
        conditions: (N, ...), as the network takes them.
        repeats: How often one face is timed.
    """
    expected, got = reference(images, conditions), engine(images, conditions)
    times = []
    for _ in range(repeats):
        start = perf_counter()
        engine(images[:1], conditions[:1])
        times.append(1000 * (perf_counter() - start))
    errors = dict(zip(conversion().output_names(generator), map(np.abs, map(np.subtract, got, expected)), strict=True))
    largest, mean = ({k: float(measure(e)) for k, e in errors.items()} for measure in (np.max, np.mean))
    return Parity(name, largest, mean, min(times))


def synthetic_inputs(
    config: ExpressionTraining, condition: "Condition", persons: int = 3, seed: int = 0
) -> tuple[Float32, Float32]:
    """Crops of synthetic faces, as a network of this configuration sees them, each with every condition."""
    face, faces, conditions = load_face(), [], []
    count = len(config.expressions)
    for person in range(persons):
        random = np.random.default_rng((seed, person))
        who, setting = random_person(face, random), random_setting(random)
        rgb, landmarks = render_portrait(face, who, "neutral", setting, config.size)
        faces.append(config.network_input(rgb)[None])
        conditions += [condition.of_face(landmarks, label) for label in range(count)]
    return np.repeat(np.concatenate(faces), count, axis=0), np.concatenate(conditions)


def example_inputs(config: ExpressionTraining, condition: "Condition") -> tuple[Float32, Float32]:
    """Inputs of a network of this configuration, of zeros."""
    image, asked = (1, config.channels, config.size, config.size), (1, *condition.shape)
    return np.zeros(image, np.float32), np.zeros(asked, np.float32)


def errors_in_words(parities: Sequence[Parity]) -> list[str]:
    """One line an engine."""
    lines = []
    for one in parities:
        errors = ", ".join(f"{name} {one.largest[name]:.1e} / {one.mean[name]:.1e}" for name in one.largest)
        lines.append(f"{one.engine}: {one.milliseconds:.1f} ms a face; {errors}{'' if one.agrees else ' (differs)'}")
    return lines
