"""A study: what is shared, skipped, refused and done again, and that its numbers are those of its runs."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shells import CLASSES, change_rows, read_split, write_dataset

from facerelief.checkpoint import load_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.data import Dataset
from facerelief.data.manifest import METADATA, Sample, read_samples, write_rows
from facerelief.editing.loading import load_network_editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.experiments.figures import write_study
from facerelief.evaluation.experiments.grid import BASELINES, Grid, Worker, read_distances, read_score
from facerelief.evaluation.experiments.studies import SCALES, STUDIES, find_scale, find_study
from facerelief.evaluation.experiments.study import StudyRequest, _has_identity_pairs, lay_out, run_study
from facerelief.evaluation.experiments.tables import collect
from facerelief.evaluation.setup import set_up
from facerelief.files import sha256
from facerelief.training.classifier import load_classifier
from facerelief.training.identity import load_identity
from facerelief.training.methods import TRAINING_METHODS

Like = Callable[..., StudyRequest]


def weights(folder: Path) -> dict[str, str]:
    return {path.parent.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("weights.safetensors")}


def test_every_cell_has_a_place_of_its_own_and_every_scale_fits_every_study() -> None:
    for study in STUDIES.values():
        slugs = [cell.slug for cell in study.cells]
        assert len(set(slugs)) == len(slugs) > 1
    with pytest.raises(FacereliefError, match="no study 'table9'; choose from table1, table2"):
        find_study("table9")
    with pytest.raises(FacereliefError, match="no scale 'huge'; choose from smoke, cpu, gpu, paper"):
        find_scale("huge")


def test_some_cells_only() -> None:
    some = find_study("table1", ["depth_conf_penalty-0.1", "stargan"])
    assert [cell.title for cell in some.cells] == ["StarGAN", "depth map + penalty"]
    assert find_study("table1") == STUDIES["table1"]
    with pytest.raises(FacereliefError) as caught:
        find_study("table1", ["relief"])
    assert str(caught.value) == (
        "table1 has no cell 'relief'; choose from stargan, depth_conf_penalty-0.0, normal_conf_penalty-0.1, "
        "depth_conf_penalty-0.1"
    )


@pytest.mark.parametrize("scale", ["smoke", "cpu", "gpu", "paper"])
def test_the_grid_of_table_1(moved: Like, scale: str) -> None:
    """StarGAN needs no stage 1; the others share one for each guide, penalty and seed; everything is measured."""
    asked = moved(study="table1", scale=scale)
    grid = lay_out(asked, STUDIES["table1"], SCALES[scale], Dataset(asked.dataset), asked.folder)
    names = [job.name for job in grid.jobs]
    assert len(names) == len(set(names)) == 3 + len(asked.seed_numbers) * (3 + 4 + 4) + 1
    stargan, depth, normal, headline = (grid.job(f"cells/{cell.slug}-s1") for cell in STUDIES["table1"].cells)
    assert (stargan.needs, stargan.depth) == ((), None)
    assert depth.depth == "depth/depth-0-s1"
    assert normal.depth == "depth/normal-0.1-s1"
    assert headline.depth == "depth/depth-0.1-s1"
    configs = [one.config for one in (stargan, depth, normal, headline)]
    assert [config.guide for config in configs] == ["none", "depth", "normal", "depth"]
    assert [config.conf_penalty for config in configs[1:]] == [0.0, 0.1, 0.1]
    assert {config.seed for config in configs} == {1}
    for one in (stargan, headline):  # nothing but the guidance differs
        changed = {
            name for name, value in dataclasses.asdict(one.config).items() if value != getattr(depth.config, name)
        }
        assert changed <= {"guide", "conf_penalty"}
    measured = {job.name for job in grid.jobs if job.config is None}
    assert measured == {f"scores/{name.removeprefix('cells/')}" for name in names if "cells/" in name} | {
        "scores/bases"
    }
    metric_seeds = {grid.job(name).config.seed for name in ("judge", "measure", "identity")}
    assert not metric_seeds & set(asked.seed_numbers)


def test_the_relief_backbone_is_warmed_up_for_longer_and_shares_stage_1_with_table_1(moved: Like) -> None:
    asked = moved(study="backbone", scale="cpu")
    studies = ("backbone", "table1")
    grids = {
        name: lay_out(asked, STUDIES[name], SCALES["cpu"], Dataset(asked.dataset), asked.folder) for name in studies
    }
    cells = {cell.title: grids["backbone"].job(f"cells/{cell.slug}-s0").config for cell in STUDIES["backbone"].cells}
    assert {config.method for config in cells.values()} == {"relief"}
    assert {config.warm_up for config in cells.values()} == {500}
    assert grids["table1"].jobs[4].config.warm_up == 150
    assert [config.guide for config in cells.values()] == ["none", "depth", "normal", "both", "depth"]
    assert [config.warm_start for config in cells.values()] == ["morphable"] * 4 + ["none"]
    assert "cells/none_backbone-relief-s0" in {job.name for job in grids["backbone"].jobs}
    shared = {job.name for job in grids["backbone"].jobs} & {job.name for job in grids["table1"].jobs}
    assert {"depth/depth-0.1-s0", "depth/normal-0.1-s0", "judge"} <= shared


def test_sham_cells_differ_in_their_maps_only_and_are_measured_on_the_true_dataset(moved: Like) -> None:
    asked = moved(study="evidence", scale="cpu")
    study = STUDIES["evidence"]
    grid = lay_out(asked, study, SCALES["cpu"], Dataset(asked.dataset), asked.folder)
    slugs = {cell.title: cell.slug for cell in study.cells}
    true, sham, other = (
        grid.job(f"cells/{slugs[title]}-s1")
        for title in ("depth", "sham: luminance as depth", "sham: another photo's depth")
    )
    assert true.config == sham.config == other.config
    assert (true.depth, sham.depth, other.depth) == (
        "depth/depth-0.1-s1",
        "depth/luminance-0.1-s1",
        "depth/shuffled-0.1-s1",
    )
    assert grid.job(true.depth).config == grid.job(sham.depth).config
    assert grid.trained_on(true) is grid.dataset
    folders = {job.name: grid.trained_on(job).path.name for job in (sham, other, grid.job(sham.depth))}
    assert list(folders.values()) == ["dataset-luminance", "dataset-shuffled", "dataset-luminance"]
    assert "depth/depth-0.1-s1" in {job.name for job in grid.jobs}  # shared with table 1


def test_a_longer_stage_1_guides_and_does_not_measure(moved: Like) -> None:
    asked = moved(study="table1", scale="cpu", stage1={"steps": "900", "width": "40"})
    grid = lay_out(asked, STUDIES["table1"], SCALES["cpu"], Dataset(asked.dataset), asked.folder)
    plain = lay_out(
        moved(study="table1", scale="cpu"),
        STUDIES["table1"],
        SCALES["cpu"],
        Dataset(asked.dataset),
        asked.folder,
    )
    changed = {job.name for job in grid.jobs if job != plain.job(job.name)}
    assert changed == {f"depth/{name}-s{seed}" for name in ("depth-0", "normal-0.1", "depth-0.1") for seed in range(3)}
    guide = grid.job("depth/depth-0.1-s1").config
    assert (guide.steps, guide.width, guide.seed) == (900, 40, 1)
    with pytest.raises(FacereliefError) as caught:
        moved(stage1={"size": "64"})
    assert str(caught.value) == "stage 1's size is that of the cells that share it; leave it out of --stage1"


def test_what_studies_have_in_common_is_one_run(moved: Like) -> None:
    asked = moved(scale="gpu")
    paths = [
        {
            job.name: job.config
            for job in lay_out(asked, STUDIES[name], SCALES["gpu"], Dataset(asked.dataset), asked.folder).jobs
        }
        for name in ("table1", "table3", "penalty")
    ]
    for first in paths:
        for second in paths:
            assert all(first[name] == second[name] for name in set(first) & set(second))
    assert {"cells/stargan-s0", "cells/depth_conf_penalty-0.0-s0", "judge"} <= set(paths[0]) & set(paths[1])
    weights = [config.depth_weight for name, config in paths[1].items() if "cells/depth" in name and "-s0" in name]
    assert weights == [0.1, 0.2, 0.3, 0.4]


@torch.inference_mode()
def test_the_numbers_are_those_of_the_runs(asked: StudyRequest, finished: Grid) -> None:
    """By loops over single photos, which know nothing of studies."""
    test = read_split(asked.dataset, "test")
    judge, _ = load_classifier(finished.folder / "judge")
    encoder, _ = load_identity(finished.folder / "identity")
    results = collect(finished, STUDIES["table2"], asked.seed_numbers, {})
    assert [cell["title"] for cell in results["cells"]] == ["StarGAN", "depth map + penalty"]
    for cell in results["cells"]:
        total = np.zeros((3, 3), int)
        for seed in ("0", "1"):
            name = f"{cell['slug']}-s{seed}"
            generator = load_network_editor(finished.folder / "cells" / name).generator
            confusion, distances = np.zeros((3, 3), int), []
            for row, target in ((row, k) for row in range(6) for k in range(3) if k != test.label[row]):
                source = torch.from_numpy(np.array(test.image[row][None])).float() / 127.5 - 1
                made = generator(source, torch.eye(3)[target][None]).image.clamp(-1, 1)
                saved = ((made + 1) * 127.5).round() / 127.5 - 1
                both = [judge(image).log_softmax(1) for image in (saved, saved.flip(-1))]
                confusion[target, int((both[0] + both[1]).argmax())] += 1
                one, other = (torch.nn.functional.normalize(encoder(x) + encoder(x.flip(-1))) for x in (saved, source))
                distances.append(1 - float((one * other).sum()))
            total += confusion
            recalls = confusion.diagonal() / confusion.sum(axis=1)
            assert cell["seeds"][seed]["rate"] == pytest.approx(recalls.mean())
            assert cell["seeds"][seed]["identity"] == pytest.approx(np.mean(distances), abs=1e-5)
            assert sorted(read_distances(finished, name)["identity"]) == pytest.approx(sorted(distances), abs=1e-5)
        assert cell["edits"] == total.sum() == 24
    assert results["bench"]["judge"]["accuracy_on_real"]["n"] == 6
    assert set(results["bases"]) == {"unedited"}  # handmade faces have no true targets
    assert set(read_distances(finished, BASELINES)) == {"real photos, one person", "real photos, two persons"}


def test_what_is_finished_is_not_done_again(asked: StudyRequest, finished: Grid) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.folder.rglob("*.*") if path.is_file()}
    assert finished.todo() == {}
    _, failures = run_study(asked)
    assert failures == {}
    assert {path: path.stat().st_mtime_ns for path in finished.folder.rglob("*.*") if path.is_file()} == before


def test_what_is_lost_is_made_again_as_it_was(asked: StudyRequest, finished: Grid, moved: Like, tmp_path: Path) -> None:
    """One run without weights, one score damaged: just these and what stands on them are done, with the same result."""
    folder = tmp_path / "study"
    shutil.copytree(asked.folder, folder)
    grid = dataclasses.replace(finished, folder=folder / "second")
    headline = STUDIES["table2"].cells[1].slug
    (grid.folder / "depth" / "depth-0.1-s1" / "weights.safetensors").unlink()
    (grid.folder / "scores" / "stargan-s0.json").write_text("{")
    todo = grid.todo()
    assert set(todo) == {"depth/depth-0.1-s1", f"cells/{headline}-s1", f"scores/{headline}-s1", "scores/stargan-s0"}
    _, failures = run_study(moved(folder=folder))
    assert failures == {}
    assert weights(grid.folder) == weights(finished.folder)
    assert read_score(grid, "stargan-s0") == read_score(finished, "stargan-s0")


def judged_by(grid: Grid, folder: Path, dataset: Path) -> dict[str, bytes]:
    """The tensors of the judge that the grid's own job trains in a folder on a dataset."""
    Worker(dataclasses.replace(grid, folder=folder, dataset=Dataset(dataset)))("judge")
    return tensors(folder)


def tensors(folder: Path) -> dict[str, bytes]:
    found = load_checkpoint(folder / "judge" / "weights.safetensors", "judge").tensors
    return {name: value.tobytes() for name, value in found.items()}


def test_the_judge_never_sees_an_edit_or_anybody_in_the_test_photos(
    asked: StudyRequest, finished: Grid, tmp_path: Path
) -> None:
    """It is the same, bit for bit, with all editors and edits around it, and whatever the held-out photos show; it is
    another one where a single training photo is.
    """
    among_edits, faces = tmp_path / "second", tmp_path / "faces"
    shutil.copytree(finished.folder, among_edits)
    shutil.rmtree(among_edits / "judge")
    assert judged_by(finished, among_edits, asked.dataset) == tensors(finished.folder)

    shutil.copytree(asked.dataset, faces, ignore=shutil.ignore_patterns(".arrays"))
    train = read_split(asked.dataset, "train").samples
    held_out = read_split(asked.dataset, "test").samples + read_split(asked.dataset, "val").samples
    assert not {sample.identity for sample in train} & {sample.identity for sample in held_out}
    for sample in held_out:
        shutil.copy(faces / train[0].file_name, faces / sample.file_name)
    assert judged_by(finished, tmp_path / "a", faces) == tensors(finished.folder)

    shutil.rmtree(faces / ".arrays")
    shutil.copy(faces / train[0].file_name, faces / train[1].file_name)
    assert judged_by(finished, tmp_path / "b", faces) != tensors(finished.folder)


def test_a_folder_of_another_study_is_refused(asked: StudyRequest, finished: Grid, moved: Like, tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match="is of another study, with another steps; choose another folder with -o"):
        run_study(moved(changes={"steps": "3"}))
    folder, faces = tmp_path / "study", write_dataset(tmp_path / "faces")
    shutil.copytree(asked.folder, folder)
    change_rows(faces, lambda row: row.split == "train", sharpness=0.5)
    with pytest.raises(FacereliefError, match="with another state of the dataset"):
        run_study(moved(folder=folder, dataset=faces))


def test_a_run_that_fails_is_named_and_the_others_are_shown(
    asked: StudyRequest, finished: Grid, moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(asked.folder, folder)
    headline = STUDIES["table2"].cells[1].slug
    shutil.rmtree(folder / "second" / "cells" / f"{headline}-s1")

    def diverge(*arguments: object, **options: object) -> None:
        raise FacereliefError("G/rgb/adv is not finite at step 7; start again with a lower --set lr")

    monkeypatch.setattr("facerelief.evaluation.experiments.grid.launch.run_expression", diverge)
    grid, failures = run_study(moved(folder=folder))
    assert failures == {
        f"cells/{headline}-s1": "G/rgb/adv is not finite at step 7; start again with a lower --set lr",
        f"scores/{headline}-s1": f"needs cells/{headline}-s1, which failed",
    }
    results = collect(grid, STUDIES["table2"], asked.seed_numbers, failures)
    assert [sorted(cell["seeds"]) for cell in results["cells"]] == [["0", "1"], ["0"]]
    page = write_study(grid, STUDIES["table2"], results, "table2", "facerelief study table2")
    assert "failed: cells/" in page.read_text(encoding="utf-8")
    assert json.loads((grid.folder / "table2.json").read_text())["failures"] == failures


def test_pages_and_figures(asked: StudyRequest, finished: Grid) -> None:
    results = collect(finished, STUDIES["table2"], asked.seed_numbers, {})
    page = write_study(finished, STUDIES["table2"], results, "table2", "facerelief study table2")
    folder = finished.folder
    made = {path.name for path in folder.glob("table2*")}
    pictures = {
        "table2-fig3.png",
        "table2-fig4.png",
        "table2-fig5.jpg",
        "table2-fig6.jpg",
        "table2-fig8.png",
        "table2-fig9.png",
    }
    assert made == {"table2.json", "table2.md", "table2.html", *pictures}
    for name in pictures:
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 100
    text = page.read_text(encoding="utf-8")
    assert "StarGAN" in text
    assert not re.findall(r'(?:src|href)="(?!data:image/)', text)
    assert "expression-KID" in (folder / "table2.md").read_text(encoding="utf-8")


def test_synthetic_has_identity_pairs_and_lone_photos_cannot(
    synthetic: Path, asked: StudyRequest, tmp_path: Path
) -> None:
    assert not _has_identity_pairs(Dataset(synthetic), asked.expressions[:1])  # one photo of each
    lone = write_dataset(tmp_path / "faces")
    assert _has_identity_pairs(Dataset(lone), CLASSES)
    rows = read_samples(lone)
    write_rows(lone / METADATA, Sample, [dataclasses.replace(row, identity=f"{k}") for k, row in enumerate(rows)])
    assert not _has_identity_pairs(Dataset(lone), CLASSES)


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"conf_penalty": "0.5"}, "conf_penalty"), ({"guide": "depth"}, "guide"), ({"expressions": "a,b"}, "expressions")],
)
def test_what_tells_cells_apart_is_not_for_set(moved: Like, changes: dict[str, str], name: str) -> None:
    with pytest.raises(FacereliefError, match=f"^{name} tells the cells or seeds of table2 apart; leave it out of"):
        moved(changes=changes)


def test_every_method_without_and_with_guidance_at_equal_time(moved: Like, tmp_path: Path) -> None:
    """StarGAN sets the time; a method that is twice as slow gets half the steps; pairs share stage 1."""
    asked = moved(study="methods", folder=tmp_path, changes={"steps": "1000"})
    study = STUDIES["methods"]
    names = [cell.slug for cell in study.cells]
    assert names[:4] == ["stargan", "stargan_depth", "ganimation", "ganimation_depth"] and len(names) == 20
    assert {cell.editor["method"] for cell in study.cells} == set(TRAINING_METHODS)
    pace = {name: 0.2 if name.endswith("_depth") else 0.1 for name in names} | {"stage1-depth": 1e-6}
    (tmp_path / "methods-pace.json").write_text(json.dumps(pace))
    grid = lay_out(asked, study, find_scale(asked.scale), Dataset(asked.dataset), tmp_path)
    for name in names:
        job = grid.job(f"cells/{name}-s0")
        assert job.config.steps == (500 if name.endswith("_depth") else 1000)
        assert job.depth == ("depth/depth-0.1-s0" if name.endswith("_depth") else None)


@pytest.mark.parametrize("scale", ["smoke", "cpu", "gpu", "paper"])
def test_methods_keep_what_their_presets_say_and_can_be_measured_by_one_judge(
    moved: Like, tmp_path: Path, scale: str
) -> None:
    """One size, colour and set of expressions; widths, blocks and warm-ups as each method needs them."""
    asked, study = moved(study="methods", folder=tmp_path, scale=scale), STUDIES["methods"]
    paces = {cell.slug: 0.1 for cell in study.cells} | {"stage1-depth": 1e-6}
    (tmp_path / "methods-pace.json").write_text(json.dumps(paces))
    grid = lay_out(asked, study, SCALES[scale], Dataset(asked.dataset), tmp_path)
    metric = [grid.job(name).config for name in ("judge", "measure", "identity")]
    runs = [job.config for job in grid.jobs if isinstance(job.config, ExpressionTraining)]
    assert {(one.size, one.colour) for one in (*runs, *metric)} == {(grid.setup_config.size, runs[0].colour)}
    assert {one.expressions for one in runs} == {CLASSES}
    assert "paired" not in {one.warm_start for one in runs}  # of synthetic data it would show the answers
    for config in runs:
        TRAINING_METHODS[config.method](config)  # takes it
        if scale not in ("smoke", "paper"):
            tuned = TRAINING_METHODS[config.method].presets.get(SCALES[scale].preset, {})
            assert all(getattr(config, name) == tuned[name] for name in ("width", "blocks") if name in tuned)
            assert bool(config.warm_up) == (config.method in ("stargan", "relief", "elegant"))


def test_a_cell_of_another_size_is_not_measured(asked: StudyRequest, finished: Grid, tmp_path: Path) -> None:
    shutil.copytree(asked.folder, tmp_path / "study")
    other = dataclasses.replace(finished.setup_config, size=48)
    grid = dataclasses.replace(finished, folder=tmp_path / "study" / "second", setup_config=other)
    worker = Worker(grid)
    worker._setup = set_up(finished.dataset, finished.setup_config, finished.metric_files())  # as of the other cells
    with pytest.raises(FacereliefError, match="stargan-s0 has size 32, the study 48; give one that has the same size"):
        worker("scores/stargan-s0")
