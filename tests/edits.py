"""What editing tests share: photos with several heads, and where a photo changed."""

from collections.abc import Sequence

import numpy as np
from photos import astronaut
from PIL import Image, ImageDraw
from scipy import ndimage

from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo


def faces_at(*centres: tuple[int, int, int]) -> Photo:
    """Portrait heads around places (x, y), their squares `side` pixels, on grey."""
    canvas = Image.new("RGB", (640, 400), (120, 130, 140))
    for x, y, side in centres:
        head = Image.fromarray(astronaut()).crop((110, 0, 340, 230)).resize((side, side), Image.Resampling.LANCZOS)
        canvas.paste(head, (x - side // 2, y - side // 2))
    return Photo(np.asarray(canvas), name="group.jpg")


def around(faces: Sequence[Face], shape: tuple[int, ...]) -> np.ndarray:
    """bool (H, W): the hull of each face's landmarks, widened by a quarter of the face."""
    region = np.zeros(shape[:2], bool)
    for face in faces:
        image = Image.new("1", shape[1::-1])
        points = face.landmarks[:, :2]
        turned = np.radians(np.arange(0, 360, 5))
        farthest = [points[np.argmax(points @ (np.cos(a), np.sin(a)))] for a in turned]
        ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in farthest], fill=1)
        region |= ndimage.distance_transform_edt(~np.asarray(image)) < face.size / 4
    return region


def changed(before: Photo, after: Photo) -> np.ndarray:
    return (before.rgb != after.rgb).any(axis=2)
