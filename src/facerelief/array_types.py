"""What arrays are, in type hints: the element type is checked by mypy, the shape is in the name and the comment."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

UInt8: TypeAlias = NDArray[np.uint8]
Int64: TypeAlias = NDArray[np.int64]
Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Bool: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.floating[Any]]  # of either precision

RGB: TypeAlias = UInt8  # (H, W, 3)
Landmarks: TypeAlias = Floats  # (468, 3): x right, y down, in pixels; z in the same units, + towards the viewer
Depth: TypeAlias = Float32  # (H, W) in [0, 1], near = 1, background 0
Normals: TypeAlias = Float32  # (3, H, W), unit vectors: x right, y up, z towards the viewer; background 0
Mask: TypeAlias = Float32  # (H, W) in [0, 1]
