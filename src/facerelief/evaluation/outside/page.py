"""The measured edits as tables, on the terminal, as Markdown and as one HTML page, and mouths on a sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief.array_types import RGB
from facerelief.errors import FacereliefError
from facerelief.evaluation.outside.measure import EDIT, MEAN_MOVEMENT, NO_EDIT, MouthPair
from facerelief.evaluation.outside.results import SHOWS_TEETH
from facerelief.evaluation.outside.strengths import STRENGTHS
from facerelief.evaluation.report.sections import Table, write_sections
from facerelief.files import atomic
from facerelief.networks.face_api import SAME_PERSON
from facerelief.tile_sheet import SheetStyle, draw_sheet

_WAYS = (EDIT, NO_EDIT, MEAN_MOVEMENT)
_IN_A_ROW = 2  # people of a sheet
_AGAINST = {  # by measure: its title and decimal places
    "identity_median": ("identity distance, median", 3),
    "identity_p95": ("identity distance, p95", 3),
    "landmarks": ("landmark error, inter-ocular", 4),
    "lips": ("landmark error of the lips, inter-ocular", 4),
    "psnr": ("PSNR of the face, dB", 2),
    "ssim": ("SSIM of the face", 3),
    "mouth_psnr": ("PSNR of the mouth, dB", 2),
    "mouth_ssim": ("SSIM of the mouth", 3),
}
NOTES = {
    "Expression and identity": (
        "Every photo is edited, at its own resolution, to every expression that is not its label. An expression judge "
        "(face-api's) says what it shows, and dlib's network how far it is from the photo (L2; below "
        f"{SAME_PERSON:g}: the same person, as dlib says). Neither was trained by this project, and no editor was "
        "trained with them. Read the rate beside the judge's own on real photos of that label. An edit whose face is "
        "not found again counts as not called."
    ),
    "Against true photos": (
        "For people with a photo of the target expression. Faces are aligned by eyes and nose. no edit: the photo "
        "itself. mean movement: the photo, warped as the landmarks of all others move on average. Movement: how far "
        "the edit moves landmarks in the direction of the person's own movement, as a share of it (1: as strong as "
        "the person's own), and over people the correlation of the made with the own amount; and both along the "
        "mean movement of all others, in which what landmarks miss and heads turn counts little."
    ),
    "Mouths": (
        "Share of the pixels between the inner lips that show teeth: bright and little red, relative to the same "
        f"photo's eye white and lips. Mouths that are closed do not count. shows teeth: {SHOWS_TEETH:.0%} of the inner "
        "mouth or more. detail: mean gradient of the inside as a share of that on the lips; a smooth patch has little, "
        "whatever its colour."
    ),
    "Strength": (
        "How far landmarks move by strength, as a share of how far they move at 1, along that movement: medians of "
        "edits. seen: as the landmark model sees it in the edited photos, aligned by eyes and nose. warp: as the warp "
        "that was applied moves them, inner lips left out. length at 1: in inter-ocular distances, the root of the sum "
        "over 468 landmarks. R2: of a line through zero and these medians; of single edits, the median. Where seen "
        "bends and the warp does not, the landmark model saturates. folded: share of edits whose warp folds, of all "
        "strengths."
    ),
}
_INTERVALS = "In brackets: 95 % of 1,000 redraws of the people."


def write_pages(facts: dict[str, Any], folder: Path) -> Path:
    """As `write_sections`; facts: those of `report_facts`."""
    return write_sections(facts, f"{facts['lead']} {_INTERVALS}", tables(facts), NOTES, folder)


def tables(facts: dict[str, Any]) -> dict[str, list[tuple[str, Table]]]:
    """By heading, tables with their captions; those that have something in them."""
    found = {"Expression and identity": [("", target_table(facts))]}
    if facts["truth"]:
        found["Against true photos"] = [
            (f"{name}: {one['n']} photos of {one['people']} people", truth_table(one))
            for name, one in facts["truth"].items()
        ]
    found["Mouths"] = [("", mouth_table(facts))]
    if facts["strengths"]:
        found["Strength"] = [("", strength_table(facts))]
    return found


def target_table(facts: dict[str, Any]) -> Table:
    """A row a target."""
    header = ["target", "called it", "mean probability", "mostly called instead", "real photos called it"]
    header += ["identity, median", "identity, p95", "face not found", "N"]
    rows = []
    for name, one in facts["targets"].items():
        real = facts["real"].get(name)
        instead = ", ".join(f"{other} {share:.2f}" for other, share in one.get("instead", ()) if share >= 0.005)
        rows.append(
            [
                name,
                _mean(one["rate"], 2),
                _bare(one["probability"], 2),
                instead or "-",
                "-" if real is None else f"{_bare(real['rate'], 2)} (N {real['n']})",
                _quantile(one.get("identity_median"), 3),
                _quantile(one.get("identity_p95"), 3),
                str(one["not_found"]),
                str(one["n"]),
            ]
        )
    return header, rows


def truth_table(direction: dict[str, Any]) -> Table:
    """A row a measure, a column a way."""
    ways = [way for way in _WAYS if way in direction]
    rows = []
    for key, (title, digits) in _AGAINST.items():
        rows.append([title, *(_either(direction[way][key], digits) for way in ways)])
    for key, of in (("movement", "the own"), ("common_movement", "the own along the mean of all others")):
        moved = [direction[way].get(key) for way in ways]
        if any(moved):
            rows.append([f"movement, share of {of}, median", *(_share(m) for m in moved)])
            rows.append(["the same, quartiles", *(_quartiles(m) for m in moved)])
            rows.append(["correlation of made and own", *(_correlation(m) for m in moved)])
    return ["", *ways], rows


def mouth_table(facts: dict[str, Any]) -> Table:
    """A row a target, and one a label of real photos."""
    rows = [[f"edited to {name}", *_mouth_cells(one)] for name, one in facts["mouths"].items()]
    rows += [[f"real {name}", *_mouth_cells(one)] for name, one in facts["real_mouths"].items()]
    return ["", "open", "of", "teeth, median share of the inside", "shows teeth", "detail, median"], rows


def strength_table(facts: dict[str, Any]) -> Table:
    """Two rows a target: as landmarks are seen to move, and as the warp moves them."""
    header = ["target", "movement", *(f"at {strength:g}" for strength in STRENGTHS[1:])]
    header += ["R2 of medians", "R2, median edit", "length at 1", "folded", "face not found", "N"]
    rows = []
    for name, one in facts["strengths"].items():
        length, folded = (
            "-" if one[key] is None else f"{one[key]:.{digits}f}" for key, digits in (("length", 2), ("folded", 3))
        )
        rows.append([name, "seen", *_strength_cells(one["seen"]), length, "", str(one["not_found"]), str(one["n"])])
        rows.append([name, "warp", *_strength_cells(one["warped"]), "", folded, "", str(one["n"])])
    return header, rows


def _strength_cells(linearity: dict[str, Any] | None) -> list[str]:
    if linearity is None:
        return ["-"] * (len(STRENGTHS) + 1)
    shares = [f"{share:.2f}" for share in linearity["shares"][1:]]
    return [*shares, f"{linearity['r2']:.3f}", f"{linearity['r2_median']:.3f}"]


def _mouth_cells(one: dict[str, Any]) -> list[str]:
    return [
        str(one["open"]),
        str(one["n"]),
        _quantile(one["teeth"], 2),
        _mean(one["shows_teeth"], 2),
        _quantile(one["detail"], 2),
    ]


def save_mouths(pairs: Sequence[MouthPair], path: Path) -> None:
    """Write the sheet. Raises `FacereliefError` where there are no pairs, or it cannot be written."""
    if not pairs:
        raise FacereliefError(
            "no mouth can be shown: nobody has both a photo that smiles and another, with either mouth open; "
            "leave out --sheet"
        )
    with atomic(path) as temporary:
        mouth_sheet(pairs).save(temporary)


def mouth_sheet(pairs: Sequence[MouthPair]) -> Image.Image:
    """Draw the mouths of at least one person, two people a row: edited, real, edited, real."""
    rows, names = [], []
    height, width = (max(one.made.shape[axis] for one in pairs) for axis in (0, 1))
    for start in range(0, len(pairs), _IN_A_ROW):
        some = pairs[start : start + _IN_A_ROW]
        rows.append([_centred(picture, height, width) for one in some for picture in (one.made, one.true)])
        names.append(" | ".join(one.identity for one in some))
    return draw_sheet(rows, ("edited", "real") * min(_IN_A_ROW, len(pairs)), names, SheetStyle(gap=4))


def _centred(picture: RGB, height: int, width: int) -> RGB:
    """A picture (h, w, 3) in the middle of a white one, so that tiles stand in columns."""
    out = np.full((height, width, 3), 255, dtype=np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return out


def _mean(value: dict[str, Any] | None, digits: int) -> str:
    return "-" if value is None else f"{value['mean']:.{digits}f}{_interval(value, digits)}"


def _bare(value: dict[str, Any] | None, digits: int) -> str:
    return "-" if value is None else f"{value['mean']:.{digits}f}"


def _quantile(value: dict[str, Any] | None, digits: int) -> str:
    return "-" if value is None else f"{value['value']:.{digits}f}{_interval(value, digits)}"


def _either(value: dict[str, Any], digits: int) -> str:
    return _mean(value, digits) if "mean" in value else _quantile(value, digits)


def _interval(value: dict[str, Any], digits: int) -> str:
    return "" if value["low"] is None else f" ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def _share(movement: dict[str, Any] | None) -> str:
    return "-" if movement is None else _quantile(movement["ratio"], 2)


def _quartiles(movement: dict[str, Any] | None) -> str:
    found = None if movement is None else movement["ratio_quartiles"]
    return "-" if found is None else f"{found[0]:.2f} to {found[1]:.2f}"


def _correlation(movement: dict[str, Any] | None) -> str:
    found = None if movement is None else movement["correlation"]
    return "-" if found is None else f"{found:.2f}"
