"""Head pose from landmarks."""

import numpy as np

from facerelief.array_types import Landmarks


def head_pose(landmarks: Landmarks) -> tuple[float, float, float]:
    """Estimate the head pose.

    Args:
        landmarks: (468, 3), see `Landmarks`.

    Returns:
        Yaw, pitch and roll in degrees; right, up and clockwise in the picture are positive.
    """
    across = landmarks[454] - landmarks[234]
    down = landmarks[152] - landmarks[10]
    yaw = np.degrees(np.arctan2(-across[2], np.hypot(across[0], across[1])))
    pitch = np.degrees(np.arctan2(down[2], np.hypot(down[0], down[1])))
    roll = np.degrees(np.arctan2(across[1], across[0]))
    return float(yaw), float(pitch), float(roll)
