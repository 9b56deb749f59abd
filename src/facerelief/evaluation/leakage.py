"""What a metric network must not know: test people, and the editor that it measures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facerelief.checkpoint import read_facts, weights_in
from facerelief.data.arrays import Arrays
from facerelief.errors import FacereliefError
from facerelief.files import sha256
from facerelief.training.guidance import STARTED_FROM, TRAINED_DEPTH
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


def learnt_from(facts: Mapping[str, Any], editor: Path, kind: str, metric: Path) -> bool:
    """Whether an editor learnt from a metric network, or from one that began as it, or as which it began.

    Args:
        facts: The editor's.
        editor: Its weights' file.
        kind: Of the metric network: "judge", "identity" or "depth".
        metric: The metric network, a run or its file.
    """
    names = (f"{kind}_weights_sha256", *([f"stage1_{STARTED_FROM}"] if kind == "depth" else []))
    teachers = {digest for name, found in facts.items() if name.endswith(names) for digest in str(found).split(",")}
    if not teachers:
        return False
    file = weights_in(metric)
    own = sha256(file)
    if kind != "depth":
        return own in teachers
    trained = editor.parent / TRAINED_DEPTH  # that of an earlier version does not say where it began
    if trained.is_file() and sha256(trained) == own:
        return True
    return bool(teachers & {own, *str(read_facts(file).get(STARTED_FROM, "")).split(",")})
