"""Videos: expressions edited in every frame without flicker, and photos that move into an expression."""

from facerelief.editing.video.edit import VideoEdit, edit_video
from facerelief.editing.video.morph import Morph, encode_morph, morph_frames, save_morph

__all__ = ["Morph", "VideoEdit", "edit_video", "encode_morph", "morph_frames", "save_morph"]
