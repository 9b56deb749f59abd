import json

import numpy as np
import pytest

from facerelief.data.review.limits import Thresholds, thresholds_of
from facerelief.data.review.measures import joined
from facerelief.data.review.selection import review
from facerelief.errors import DatasetError
from facerelief.geometry.depth_maps import load_depth, save_depth


def add_many(handmade, count=4):
    for k in range(count):
        handmade.add(f"good{k}")


def test_flawless_faces_are_kept(handmade):
    add_many(handmade)
    found = review(handmade.write())
    assert found.kept == 4
    assert (found.left_out, found.leaks, found.overrides) == ({}, [], 0)
    for sample in handmade.read().values():
        assert sample.keep
        assert sample.reasons == ""
        assert sample.quality > 0.95


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({"yaw": 52.0}, "profile: yaw 52"),
        ({"yaw": -30.6}, "profile: yaw -31"),
        ({"pitch": -41.2}, "tilted: pitch -41"),
        ({"face_size": 31.0}, "small face: 31 pixels"),
        ({"sharpness": 0.02}, "blurred: sharpness 0.020"),
        ({"coverage": 0.5}, "cut off: 50% of the face in the photo"),
        ({"yaw": 40.0, "pitch": 40.0}, "profile: yaw 40; tilted: pitch 40"),
    ],
)
def test_a_score_beyond_its_limit_is_a_reason(handmade, scores, reason):
    add_many(handmade)
    handmade.add("bad", **scores)
    found = review(handmade.write())
    bad = handmade.read()["bad"]
    assert (bad.keep, bad.reasons) == (False, reason)
    assert bad.quality <= 0.5
    assert found.kept == 4
    assert found.left_out == {part.split(":")[0]: 1 for part in reason.split("; ")}


def test_a_score_at_its_limit_is_kept(handmade):
    handmade.add("a", yaw=-30.0, pitch=30.0, face_size=40.0, sharpness=0.032, coverage=0.8)
    assert review(handmade.write()).kept == 1


def test_thresholds_are_the_callers(handmade):
    handmade.add("a", yaw=50.0)
    handmade.add("b", yaw=-14.0)
    dataset = handmade.write()
    assert review(dataset, Thresholds(max_yaw=60)).kept == 2
    assert review(dataset, Thresholds(max_yaw=10)).kept == 0
    assert review(dataset, Thresholds(max_yaw=0, min_face_size=0, min_coverage=1)).kept == 0


def test_limits_hold_until_others_are_given(handmade):
    handmade.add("a", yaw=50.0)
    dataset = handmade.write()
    assert review(dataset).kept == 0
    assert review(dataset, Thresholds(max_yaw=60)).kept == 1
    assert review(dataset).kept == 1
    assert thresholds_of(dataset) == Thresholds(max_yaw=60)
    assert review(dataset, Thresholds()).kept == 0
    settings = json.loads((dataset / "dataset.json").read_text())
    (dataset / "dataset.json").write_text(json.dumps(settings | {"review": {"max_yaw": "far"}}))
    with pytest.raises(DatasetError, match=r"dataset\.json is damaged \(review: max_yaw is 'far'"):
        review(dataset)


def test_quality_is_a_product_of_ramps(handmade):
    handmade.add("best")
    handmade.add("half", yaw=15.0, face_size=60.0, coverage=0.9)
    review(handmade.write())
    samples = handmade.read()
    # yaw 15 of 30: 3/4. 60 pixels, 80 would be enough: 3/4. A tenth outside, a fifth is the limit: 3/4.
    assert samples["half"].quality == pytest.approx(samples["best"].quality * 0.75**3, rel=0.01)


def test_a_broken_mesh_is_implausible_among_many(handmade):
    add_many(handmade, 120)
    random = np.random.default_rng(0)
    handmade.add("scattered", landmarks=handmade.landmarks(5) + random.normal(size=(468, 3)) * 8)
    found = review(handmade.write())
    scattered = handmade.read()["scattered"]
    assert not scattered.keep
    assert "implausible mesh: " in scattered.reasons
    assert found.kept == 120


def test_a_depth_map_that_does_not_fit(handmade):
    add_many(handmade)
    turned = handmade.add("turned")
    depth = load_depth(handmade.path / turned.depth_file_name)
    save_depth(handmade.path / turned.depth_file_name, np.where(depth > 0, 1 - depth, 0))
    assert review(handmade.write()).left_out == {"depth does not fit": 1}


def spoil(path):
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize("field", ["file_name", "depth_file_name", "mesh"])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b""), spoil])
def test_damaged_files_leave_out_their_sample_only(handmade, field, damage):
    add_many(handmade)
    bad = handmade.add("bad")
    damage(handmade.path / getattr(bad, field))
    found = review(handmade.write())
    assert (found.kept, found.left_out) == (4, {"files damaged": 1})
    assert handmade.read()["bad"].quality == 0


def test_landmarks_that_are_no_numbers(handmade):
    add_many(handmade)
    handmade.add("bad", landmarks=np.full((468, 3), np.nan))
    handmade.add("short", landmarks=np.zeros((68, 3)))
    assert review(handmade.write()).left_out == {"files damaged": 2}


def test_of_same_pictures_the_best_is_kept(handmade):
    add_many(handmade)
    handmade.add("soft", like="sharp", identity="one", yaw=9.0)
    handmade.add("sharp", identity="one")
    handmade.add("softer", like="sharp", identity="one", yaw=19.0)
    found = review(handmade.write())
    samples = handmade.read()
    assert [samples[name].keep for name in ("soft", "sharp", "softer")] == [False, True, False]
    assert samples["soft"].reasons == samples["softer"].reasons == "duplicate of rgb/sharp.png"
    assert found.left_out == {"duplicate": 2}


def test_a_flawed_twin_is_not_the_best(handmade):
    handmade.add("one", like="two", identity="two", face_size=41.0)
    handmade.add("two", coverage=0.79)
    review(handmade.write())
    samples = handmade.read()
    assert samples["one"].keep
    assert samples["two"].reasons == "cut off: 79% of the face in the photo; duplicate of rgb/one.png"


def test_one_fingerprint_is_no_proof(handmade):
    """Aligned faces look alike: different pictures often share a fingerprint, and neighbours in a film a shape."""
    handmade.add("a", fingerprint="00ff00ff00ff00ff")
    handmade.add("b", fingerprint="00ff00ff00ff00ff")
    handmade.add("c", fingerprint="00ff00ff00ff00ff", landmarks=handmade.landmarks(1))
    handmade.add("d", fingerprint="00ff00ff00ff00ff", landmarks=handmade.landmarks(1))
    assert review(handmade.write()).kept == 4


def test_a_picture_in_two_splits_is_reported(handmade):
    handmade.add("jane", split="train")
    handmade.add("joan", like="jane", split="test", yaw=3.0)
    found = review(handmade.write())
    assert handmade.read()["joan"].reasons == "duplicate of rgb/jane.png (another identity, another split)"
    assert found.leaks == ["rgb/joan.png"]


def conflict(handmade):
    handmade.add("laugh", expression="happiness", identity="one")
    handmade.add("cry", like="laugh", expression="sadness", identity="one", yaw=3.0)
    handmade.add("other")
    return handmade.write()


def test_same_pictures_with_different_labels_all_go(handmade):
    found = review(conflict(handmade))
    samples = handmade.read()
    assert samples["laugh"].reasons == "label conflict with rgb/cry.png (sadness)"
    assert samples["cry"].reasons == "label conflict with rgb/laugh.png (happiness)"
    assert (found.kept, found.left_out) == (1, {"label conflict": 2})


@pytest.mark.parametrize(
    ("line", "kept", "label"),
    [
        ("rgb/cry.png,keep,,", "cry", "sadness"),
        ("rgb/cry.png,keep,anger,", "cry", "anger"),
        ("rgb/cry.png,reject,,", "laugh", "happiness"),
        ("rgb/cry.png,relabel,happy,", "cry", "happiness"),
        ("rgb/laugh.png,relabel,happy,", "laugh", "happiness"),
        ("rgb/laugh.png,relabel,surprise,", "laugh", "surprise"),
    ],
)
def test_a_person_settles_a_conflict(handmade, line, kept, label):
    dataset = conflict(handmade)
    handmade.overrule(line)
    assert review(dataset).kept == 2
    samples = handmade.read()
    assert [name for name in ("laugh", "cry") if samples[name].keep] == [kept]
    assert samples[kept].expression == label


def test_two_people_who_disagree_settle_nothing(handmade):
    dataset = conflict(handmade)
    handmade.overrule("rgb/cry.png,relabel,fear,", "rgb/laugh.png,relabel,anger,")
    assert review(dataset).left_out == {"label conflict": 2}
    handmade.overrule("rgb/cry.png,keep,,", "rgb/laugh.png,keep,,")
    assert review(dataset).kept == 3


def test_overrides_win_and_say_so(handmade):
    handmade.add("side", yaw=50.0)
    handmade.add("fine")
    handmade.add("named", expression="anger")
    handmade.add("tilted", pitch=50.0, expression="anger")
    handmade.add("agreed", expression="anger")
    dataset = handmade.write()
    handmade.overrule(
        "rgb/side.png,keep,,worth it; really",
        "rgb/fine.png,reject,,",
        "rgb/named.png,relabel,disgust,nose",
        "rgb/tilted.png,relabel,fear,",
        "rgb/agreed.png,relabel,anger,",
    )
    found = review(dataset)
    samples = handmade.read()
    assert {name: (sample.keep, sample.expression, sample.reasons) for name, sample in samples.items()} == {
        "side": (True, "neutral", "kept by hand (worth it, really); profile: yaw 50"),
        "fine": (False, "neutral", "rejected by hand"),
        "named": (True, "disgust", "relabelled by hand: from anger (nose)"),
        "tilted": (False, "fear", "relabelled by hand: from anger; tilted: pitch 50"),
        "agreed": (True, "anger", "label confirmed by hand"),
    }
    assert (found.overrides, found.left_out) == (5, {"rejected by hand": 1, "tilted": 1})


def test_a_withdrawn_override_leaves_no_trace(handmade):
    handmade.add("named", expression="anger")
    dataset = handmade.write()
    review(dataset)
    before = (dataset / "metadata.csv").read_bytes()
    for decision in ("relabel,fear", "relabel,disgust", "keep,surprise", "reject,"):
        handmade.overrule(f"rgb/named.png,{decision},note")
        review(dataset)
        assert (dataset / "metadata.csv").read_bytes() != before
    handmade.overrule()
    review(dataset)
    assert (dataset / "metadata.csv").read_bytes() == before


def test_a_second_review_finds_the_same(handmade):
    conflict(handmade)
    handmade.add("twin", like="other")
    handmade.add("side", yaw=50.0, expression="anger")
    dataset = handmade.write()
    handmade.overrule("rgb/side.png,relabel,fear,", "rgb/other.png,keep,,")
    first = review(dataset)
    table = (dataset / "metadata.csv").read_bytes()
    assert review(dataset) == first
    assert (dataset / "metadata.csv").read_bytes() == table


def test_a_wrong_override_changes_nothing(handmade):
    handmade.add("side", yaw=50.0)
    dataset = handmade.write()
    table = (dataset / "metadata.csv").read_bytes()
    handmade.overrule("rgb/nobody.png,keep,,")
    with pytest.raises(DatasetError, match=r"overrides\.csv, line 2"):
        review(dataset)
    assert (dataset / "metadata.csv").read_bytes() == table


def test_a_fingerprint_that_a_spreadsheet_changed(handmade):
    handmade.add("a", fingerprint="1.23E+15")
    with pytest.raises(DatasetError, match=r"rgb/a\.png has fingerprint '1\.23E\+15'"):
        review(handmade.write())


def test_progress_and_an_empty_dataset(handmade):
    assert review(handmade.write()).samples == []
    add_many(handmade)
    seen = []
    review(handmade.write(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (handmade.path / "overrides.csv").read_text() == "file_name,decision,expression,note\n"


def test_a_picture_that_ends_early_leaves_out_its_sample_only(handmade):
    """Also where it resembles another, for which it is read again."""
    add_many(handmade)
    for name in ("cut", "twin"):
        handmade.add(name)
    dataset = handmade.write()
    path = dataset / handmade.read()["cut"].file_name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    review(dataset)
    found = handmade.read()
    assert not found["cut"].keep
    assert "while reading them" in found["cut"].reasons
    assert found["good0"].keep


def test_pairs_are_joined_into_groups():
    assert joined([(1, 2), (2, 5), (7, 3), (9, 7)]) == [[1, 2, 5], [3, 7, 9]]
    chain = [(k, k + 1) for k in range(20_000)]
    assert joined(reversed(chain)) == [list(range(20_001))]
