"""Training on a machine that has torch but neither mediapipe nor anything else that faces and meshes need."""

from pathlib import Path
from typing import Any

BLOCKED = ("mediapipe", "scipy", "numba", "cv2", "skimage", "trimesh", "pyarrow", "matplotlib", "datasets", "pandas")
# The command line where other packages are not to be found; first without what the extra `train` brings, too.
BARE = f"""
import importlib, pkgutil, sys
from importlib.machinery import PathFinder

absent = {{*{BLOCKED}, "accelerate", "tensorboard", "torchvision"}}

class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in absent else super().find_spec(name, path, target)

sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path]
import facerelief.cli, facerelief.training, facerelief.evaluation
for package in (facerelief.training, facerelief.evaluation):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
absent -= {{"accelerate", "tensorboard"}}
facerelief.cli.main()
"""


def test_stage_1_needs_the_core_and_the_train_extra_only(faces: Path, tmp_path: Path, command_line: Any) -> None:
    process = command_line.train("depth", faces, tmp_path / "run", launcher=("-c", BARE), steps=2)
    out, _ = command_line.end(process)
    assert f"{tmp_path / 'run' / 'weights.safetensors'}\n" in out
    assert (tmp_path / "run" / "weights.safetensors").is_file()
