"""What runs a generator: PyTorch, ONNX Runtime or OpenVINO, checked against each other."""

from facerelief.editing.engines.agreement import AUTO, Parity, compare_engines, installed_engines, load_engine
from facerelief.editing.engines.runtimes import ENGINES, Engine

__all__ = ["AUTO", "ENGINES", "Engine", "Parity", "compare_engines", "installed_engines", "load_engine"]
