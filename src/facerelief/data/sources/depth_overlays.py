"""Published depth maps of photos, such as the authors' AffectNet-D and RaFD-D, and normals derived from depth."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facerelief.data.sources.labelled import first_few, photos_under
from facerelief.errors import DatasetError

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_CHROMA = 12  # 8-bit levels by which the channels of a grey picture may differ after JPEG


def depth_overlay(root: Path, photos: Sequence[Path]) -> dict[Path, Path]:
    """Find the depth maps of photos.

    A map belongs to the photo of the same name without suffix (`0001.png` or `0001_depth.png` to `0001.jpg`). Where
    several share a name, the folders above must agree too (`happy/0001.png` to `happy/0001.jpg`).

    Args:
        root: The folder of the depth maps; its sub-folders are searched.
        photos: The photos.

    Returns:
        The map of each photo that has one.

    Raises:
        DatasetError: A map fits several photos equally well, or none fits any.
    """
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder; give the folder of the depth maps")
    maps = _by_name([(path, path.relative_to(root)) for path in photos_under(root)])
    named = _by_name([(path, path) for path in photos])
    overlay: dict[Path, Path] = {}
    for name in maps.keys() & named.keys():
        overlay.update(_paired(named[name], maps[name]))
    if not overlay:
        count = sum(len(entries) for entries in maps.values())
        raise DatasetError(f"{root}: none of its {count} images is named like one of the {len(photos)} photos")
    return overlay


_Named = list[tuple[Path, tuple[str, ...]]]  # a file, and its folders and name, the name without suffix


def _by_name(files: Sequence[tuple[Path, Path]]) -> Mapping[str, _Named]:
    found: dict[str, _Named] = defaultdict(list)
    for path, below in files:
        name = re.sub(r"[_-]depth(_?map)?$", "", below.stem, flags=re.IGNORECASE)
        found[name].append((path, (*below.parent.parts, name)))
    return found


def _paired(photos: _Named, maps: _Named) -> dict[Path, Path]:
    if len(photos) == len(maps) == 1:
        return {photos[0][0]: maps[0][0]}
    pairs = {}
    for photo, parts in photos:
        shared = [_shared_tail(parts, others) for _, others in maps]
        best = max(shared)
        if best >= 2 and shared.count(best) == 1:
            pairs[photo] = maps[shared.index(best)][0]
        elif best >= 2 or len(photos) == 1:
            raise _ambiguous([photo], [path for path, _ in maps])
    taken = Counter(pairs.values())
    if not pairs or max(taken.values()) > 1:
        raise _ambiguous([photo for photo, _ in photos], [path for path, _ in maps])
    return pairs


def _shared_tail(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if a != b:
            break
        count += 1
    return count


def _ambiguous(photos: Sequence[Path], maps: Sequence[Path]) -> DatasetError:
    return DatasetError(
        f"cannot tell which depth map is whose: photos {first_few(photos)}; maps {first_few(maps)}; "
        "give both the same folders, and leave only depth maps there"
    )


def read_depth_image(path: Path) -> NDArray[np.float32]:
    """Depth (H, W) in [0, 1] of an 8- or 16-bit grey image, brighter = nearer as in our maps; black is background.

    Grey replicated to three channels counts as grey, and what is wholly transparent as background.

    Raises:
        DatasetError: The file is no such image.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            image.load()
            return _depth(image, path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as reason:
        raise DatasetError(f"{path} cannot be read as a depth map ({reason}); replace or remove it") from reason


def _depth(image: Image.Image, path: Path) -> NDArray[np.float32]:
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        if values.min() < 0 or values.max() > 65535:
            raise DatasetError(f"{path}: depth values from {values.min():g} to {values.max():g} do not fit in 16 bits")
        return (values / 65535).astype(np.float32)
    if image.mode == "F":
        raise DatasetError(f"{path} holds floating-point values of unknown range; save it as 8- or 16-bit grey PNG")
    pixels = np.asarray(image.convert("RGBA")).astype(np.int16)
    colour, alpha = pixels[..., :3], pixels[..., 3]
    if (colour.max(axis=-1) - colour.min(axis=-1))[alpha > 0].max(initial=0) > _CHROMA:
        raise DatasetError(f"{path} is a colour picture, not a depth map; leave normal maps and photos out")
    grey = np.where(alpha > 0, colour.mean(axis=-1), 0.0)
    return (grey / 255).astype(np.float32)


def normals_from_depth(
    depth: NDArray[np.floating[Any]], mask: NDArray[np.bool_], depth_range_in_pixels: float
) -> NDArray[np.float32]:
    """Normals of the surface z = depth * depth_range_in_pixels, by finite differences within the mask.

    Args:
        depth: (H, W) in [0, 1], near = 1.
        mask: (H, W), the face.
        depth_range_in_pixels: Pixels between depth 0 and 1.

    Returns:
        Unit normals (3, H, W): x right, y up, +z to the viewer; 0 outside the mask.
    """
    z = np.where(mask, depth, 0).astype(np.float64) * depth_range_in_pixels
    normal = np.stack([-_slope(z.T, mask.T).T, _slope(z, mask), np.ones(z.shape)])
    normal /= np.linalg.norm(normal, axis=0)
    return np.where(mask, normal, 0).astype(np.float32)


def _slope(z: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """dz per pixel along axis 0: the mean of the differences to the neighbours in the mask, 0 without any."""
    both = mask[1:] & mask[:-1]
    step = np.where(both, z[1:] - z[:-1], 0)
    total: NDArray[np.float64] = np.zeros(z.shape)
    count: NDArray[np.float64] = np.zeros(z.shape)
    total[:-1] += step
    total[1:] += step
    count[:-1] += both
    count[1:] += both
    total /= np.maximum(count, 1)
    return total
