import dataclasses
import json
from typing import Any

import pytest

from facerelief.config import (
    RENAMED_SETTINGS,
    DepthTraining,
    ExpressionTraining,
    IdentityTraining,
    Training,
    from_json,
)
from facerelief.errors import FacereliefError
from facerelief.training.presets import PRESETS, make_config

STAGES = (DepthTraining, ExpressionTraining)


def refusal(stage: type[Training], preset: str, changes: dict[str, Any]) -> str:
    with pytest.raises(FacereliefError) as caught:
        make_config(stage, preset, changes)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_papers_numbers() -> None:
    one, two = make_config(DepthTraining, "paper"), make_config(ExpressionTraining, "paper")
    assert (one.batch, one.steps) == (15, 200_000)
    assert (two.batch, two.steps) == (8, 300_000)
    assert (two.depth_weight, two.conf_penalty) == (0.1, 0.1)
    for config in (one, two):
        assert (config.size, config.colour, config.guide) == (256, "rgb", "depth")
        assert (config.objective, config.d_steps, config.gp_weight) == ("wgan-gp", 5, 10)
        assert (config.lr, config.betas, config.decay_from) == (1e-4, (0.5, 0.999), 1.0)
        assert (config.cls_weight, config.rec_weight) == (1, 10)
        assert (config.width, config.blocks, config.d_max_channels) == (64, 6, 2048)
        assert (config.perceptual, config.ema, config.augment, config.precision) == ("vgg19", 0, False, "no")
        assert len(config.expressions) == 8


@pytest.mark.parametrize("preset", PRESETS)
def test_both_stages_of_a_preset_fit_together(preset: str) -> None:
    one, two = (make_config(stage, preset) for stage in STAGES)
    for name in ("size", "colour", "expressions", "guide", "width", "blocks", "d_width", "d_max_channels"):
        assert getattr(one, name) == getattr(two, name), name


def test_cpu_is_smaller_than_gpu_and_gpu_than_paper() -> None:
    for stage in STAGES:
        cpu, gpu, paper = (make_config(stage, preset) for preset in ("cpu", "gpu", "paper"))
        assert cpu.size < gpu.size < paper.size
        assert cpu.steps < gpu.steps < paper.steps
        assert cpu.precision == gpu.precision == "auto"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("batch", "12", 12),
        ("lr", "2e-4", 2e-4),
        ("objective", "hinge", "hinge"),
        ("balanced", "False", False),
        ("augment", "yes", True),
        ("betas", "0, 0.99", (0.0, 0.99)),
        ("expressions", "angry, happy,0", ("neutral", "happiness", "anger")),
        ("seed", 3, 3),
        ("augment", True, True),
        ("betas", (0.0, 0.9), (0.0, 0.9)),
    ],
)
def test_a_change_given_as_text_or_as_a_value(name: str, text: Any, value: Any) -> None:
    for stage in STAGES:
        config = make_config(stage, "cpu", {name: text})
        assert getattr(config, name) == value
        assert type(getattr(config, name)) is type(value)
        assert dataclasses.replace(config, **{name: getattr(make_config(stage, "cpu"), name)}) == make_config(
            stage, "cpu"
        )


def test_a_change_leaves_the_preset_alone() -> None:
    before = json.dumps({name: {k.__name__: v for k, v in preset.items()} for name, preset in PRESETS.items()})
    make_config(DepthTraining, "cpu", {"size": "32"})
    assert before == json.dumps({name: {k.__name__: v for k, v in preset.items()} for name, preset in PRESETS.items()})


@pytest.mark.parametrize(
    ("name", "text"), [("batch", "many"), ("batch", "1.5"), ("lr", ""), ("augment", "maybe"), ("betas", "0.5;0.9")]
)
def test_text_of_another_type_is_refused(name: str, text: str) -> None:
    message = refusal(DepthTraining, "cpu", {name: text})
    assert message.startswith(f"{name} cannot be {text!r}")


@pytest.mark.parametrize(
    ("name", "value", "listed"),
    [
        ("objective", "gan", "wgan-gp, vanilla, hinge, r1"),
        ("colour", "cmyk", "rgb, luma"),
        ("perceptual", "lpips", "vgg19, judge, none"),
        ("precision", "fp8", "no, bf16"),
        ("guide", "mesh", "depth, normal, both"),
        ("size", "100", "32, 48, 64, 96, 128, 192 or 256"),
        ("expressions", "happy,grumpy", "neutral, happiness"),
    ],
)
def test_a_wrong_choice_lists_the_right_ones(name: str, value: str, listed: str) -> None:
    for stage in STAGES:
        message = refusal(stage, "cpu", {name: value})
        assert listed in message
        assert value.split(",")[-1] in message


def test_matching_is_part_of_the_relief_backbone_where_its_objective_allows_it() -> None:
    for preset, weight in (("cpu", 1), ("gpu", 1), ("paper", 0)):
        assert make_config(ExpressionTraining, preset, {"method": "relief"}).match_weight == weight
        assert make_config(ExpressionTraining, preset).match_weight == 0
    message = refusal(ExpressionTraining, "cpu", {"method": "relief", "objective": "wgan-gp"})
    assert "--set match_weight=0" in message
    without = {"method": "relief", "objective": "wgan-gp", "match_weight": "0"}
    assert make_config(ExpressionTraining, "cpu", without).objective == "wgan-gp"


@pytest.mark.parametrize(
    "name", ["width", "d_width", "d_max_channels", "batch", "steps", "d_steps", "r1_every", "log_every"]
)
def test_counts_start_at_one(name: str) -> None:
    assert refusal(DepthTraining, "cpu", {name: "0"}) == f"{name} must be at least 1, not 0"


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_a_seed_is_one_that_every_generator_takes(seed: str) -> None:
    assert refusal(DepthTraining, "cpu", {"seed": seed}) == f"seed must lie between 0 and 4294967295, not {seed}"


def test_one_expression_is_not_enough() -> None:
    assert "at least two expressions" in refusal(DepthTraining, "cpu", {"expressions": "happy,joy"})


def test_only_stage_2_can_go_without_a_guide() -> None:
    assert make_config(ExpressionTraining, "cpu", {"guide": "none"}).guide == "none"
    assert "choose from depth, normal, both" in refusal(DepthTraining, "cpu", {"guide": "none"})


def test_an_unknown_preset_or_setting_lists_the_right_ones() -> None:
    assert refusal(DepthTraining, "tpu", {}) == "no preset 'tpu'; choose from paper, gpu, cpu"
    message = refusal(DepthTraining, "cpu", {"depth_weight": "1"})  # of stage 2 only
    assert message.startswith("no setting 'depth_weight'; choose from ")
    assert "conf_penalty" in message


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("stage", STAGES)
def test_what_a_run_writes_is_what_it_reads(stage: type[Training], preset: str) -> None:
    config = make_config(stage, preset, {"expressions": "happy,sad", "betas": "0.1,0.2"})
    written = json.dumps(dataclasses.asdict(config))
    assert from_json(stage, json.loads(written)) == config


def test_a_config_of_another_version_is_refused() -> None:
    with pytest.raises(FacereliefError, match="'wings'; it is from another version"):
        from_json(DepthTraining, {"size": 64, "wings": 2})


def test_a_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_config(DepthTraining, "cpu").lr = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lr": "nan"}, "lr must be a number of 0 or more, not nan"),
        ({"d_lr": "-1"}, "d_lr must be a number of 0 or more"),
        ({"lr": "0"}, "lr and d_lr must be above 0"),
        ({"conf_penalty": "inf"}, "conf_penalty must be a number of 0 or more"),
        ({"r1_weight": "-1"}, "r1_weight must be"),
        ({"min_photos": "-3"}, "min_photos must be"),
        ({"blocks": "0"}, "blocks must be at least 1"),
        ({"ema": "1"}, "ema below 1"),
        ({"decay_from": "1.5"}, "decay_from must be at most 1"),
        ({"betas": "0.5"}, "betas must be two numbers from 0 to below 1"),
        ({"betas": "0.5,1"}, "betas must be two numbers from 0 to below 1"),
    ],
)
def test_numbers_that_cannot_be(changes: dict[str, str], named: str) -> None:
    assert named in refusal(DepthTraining, "cpu", changes)


@pytest.mark.parametrize(("before", "name"), RENAMED_SETTINGS.items())
def test_settings_of_earlier_versions_go_on_working(before: str, name: str) -> None:
    kind = IdentityTraining if name == "singleton_share" else ExpressionTraining
    value = "relief" if name == "method" else "0.25" if kind is IdentityTraining else "2"
    assert getattr(make_config(kind, "cpu", {before: value}), name) in (0.25, 2, "relief")
    written = dataclasses.asdict(make_config(kind, "cpu", {}))
    written[before] = written.pop(name)
    assert from_json(kind, json.loads(json.dumps(written))) == make_config(kind, "cpu", {})
