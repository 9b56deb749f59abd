"""Nodes for ComfyUI: copy this folder to `ComfyUI/custom_nodes/facerelief`. See docs/comfyui.md of facerelief."""

from .nodes import FaceReliefControls, FaceReliefEdit

NODE_CLASS_MAPPINGS = {"FaceReliefEdit": FaceReliefEdit, "FaceReliefControls": FaceReliefControls}
NODE_DISPLAY_NAME_MAPPINGS = {"FaceReliefEdit": "facerelief edit", "FaceReliefControls": "facerelief controls"}
__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
