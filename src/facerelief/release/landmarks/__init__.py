"""The networks that find faces, converted from MediaPipe's TFLite files to ONNX, with their card."""

from facerelief.release.landmarks.folder import LANDMARK_FILES, make_landmarks

__all__ = ["LANDMARK_FILES", "make_landmarks"]
