"""Test people whom a metric network was trained on."""

from pathlib import Path

from facerelief.data.arrays import Arrays
from facerelief.errors import FacereliefError
from facerelief.training.identity import known_persons
from facerelief.training.verification import person_digest


def check_unseen(network: Path, test: Arrays, kind: str = "identity") -> None:
    """Check that a metric network was trained on nobody in the test photos.

    Args:
        network: Its run or weights.
        test: The test photos.
        kind: "identity" for an encoder, "judge" for an expression classifier.

    Raises:
        FacereliefError: It was; the message names the person.
    """
    known = known_persons(network, kind)
    seen = next((sample.identity for sample in test.samples if person_digest(sample.identity) in known), None)
    if seen is not None:
        raise FacereliefError(
            f"{network} was trained on photos of {seen}, who is in the test photos; "
            "give the dataset that it was trained on, or train another"
        )
