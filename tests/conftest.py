"""What tests of several parts share: a portrait, a face finder, and weights of a tiny network."""

import one_thread  # noqa: F401  (first of all)

# isort: split
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from facerelief.checkpoint import save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.data import synthesize as synthesis
from facerelief.data.conditions import build_condition
from facerelief.data.journal import open_dataset
from facerelief.data.manifest import METADATA, Sample, write_rows
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import LandmarkFinder, load_finder
from facerelief.networks.backbones import build_backbone
from facerelief.networks.weights import named_tensors

# What starts servers, browsers, kernels or many processes, or kills them: left out of `make check`.
SLOW = (
    "webapp/",
    "test_api_docs",
    "test_api_in_notebooks",
    "test_api_processes",
    "test_api_types",
    "test_damaged_weights",
    "test_notebooks",
    "test_package",
    "cli/test_cluster_commands",
    "cli/test_dataset",
    "cli/test_edit_batch",
    "cli/test_edit_failures",
    "cli/test_edit_method",
    "cli/test_edit_overwrite",
    "cli/test_evaluate_command",
    "cli/test_hostile",
    "cli/test_light",
    "cli/test_mesh_command",
    "cli/test_names",
    "cli/test_serve_command",
    "cli/test_streams",
    "cli/test_study_command",
    "cli/test_verify",
    "cli/test_without_torch",
    "cli/test_video_command",
    "data/test_build",
    "data/test_shards",
    "data/test_synthesize_again",
    "editing/test_folds",
    "editing/test_memory",
    "editing/test_video",
    "evaluation/test_agreement",
    "evaluation/test_doctor",
    "evaluation/test_external_networks",
    "evaluation/test_flicker",
    "geometry/reconstructors/test_mesh",
    "geometry/reconstructors/test_morphable_mesh",
    "networks/test_avx2",
    "photos/test_content_credentials",
    "photos/test_endless",
    "photos/test_manifests",
    "processes/",
    "training/test_core_only",
    "training/test_interruption",
    "training/test_methods",
    "training/test_nodes",
    "training/test_own_method",
    "training/test_processes",
    "training/test_resume",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """uint8 (512, 512, 3): one face, from the front, 106 pixels high."""
    from photos import astronaut

    pixels = astronaut()
    pixels.flags.writeable = False
    return pixels


@pytest.fixture(scope="module")
def finder() -> LandmarkFinder:
    return load_finder()


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes weights of an editor with random numbers, which change a face visibly; `settings` go into its config."""

    def write(**settings: object) -> Path:
        chosen = {"size": 32, "width": 4, "blocks": 1, "expressions": ("neutral", "happiness", "surprise")}
        config = ExpressionTraining(**{**chosen, **settings})
        torch.manual_seed(0)
        generator = build_backbone(config)
        path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
        tensors = named_tensors(generator=generator, condition=build_condition(config))
        save_checkpoint(path, "editor", tensors, {"config": dataclasses.asdict(config)})
        return path

    return write


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 drawn faces of 64 pixels: three persons, one a split, with all eight expressions each; not to be changed."""
    dataset = tmp_path_factory.mktemp("synthetic") / "dataset"
    synthesis.synthesize(dataset, synthesis.Plan(count=24, size=64, scenes_per_person=1), workers=1)
    return dataset


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """104 drawn faces of 64 pixels, enough to learn a face from: 52 persons, each neutral and with one other expression
    of the seven; not to be changed.
    """
    dataset = tmp_path_factory.mktemp("pairs") / "dataset"
    plan = synthesis.Plan(count=8 * 52, size=64, scenes_per_person=1)
    open_dataset(dataset, {"size": plan.size, "seed": plan.seed})
    draw, rows = synthesis.Synthesizer(dataset, plan), []
    with pytest.MonkeyPatch.context() as patch:
        for scene in plan.scenes():
            patch.setattr(synthesis, "EXPRESSIONS", ("neutral", EXPRESSIONS[1 + scene.person % 7]))
            rows += draw(scene)
    write_rows(dataset / METADATA, Sample, rows)
    return dataset
