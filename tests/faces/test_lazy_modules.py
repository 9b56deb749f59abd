"""Modules that are imported when they are used, in processes of their own."""

import subprocess
import sys

import pytest

pytest.importorskip("mediapipe", exc_type=ImportError)
pytest.importorskip("matplotlib")


def run(code: str) -> str:
    call = [sys.executable, "-W", "error::ImportWarning", "-c", code]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_faces_are_found_without_matplotlib() -> None:
    code = """
import sys
from facerelief.faces.detector import load_finder
load_finder("mediapipe")
print([name for name in sys.modules if name.startswith("matplotlib")])
from matplotlib.figure import Figure
import matplotlib.pyplot as plt
print(Figure.__module__, plt.Figure is Figure, type(plt).__name__)
"""
    assert run(code).splitlines() == ["[]", "matplotlib.figure True module"]


def test_what_mediapipe_draws_is_drawn_all_the_same() -> None:
    code = """
from facerelief.faces.mediapipe_models import import_mediapipe
mediapipe = import_mediapipe()
drawing = mediapipe.solutions.drawing_utils
drawing.plt.switch_backend("agg")
print(drawing.plt.figure(figsize=(2, 1)).get_figwidth())
import matplotlib
print(matplotlib.pyplot is __import__("sys").modules["matplotlib.pyplot"], matplotlib.rcParams is not None)
"""
    assert run(code).splitlines() == ["2.0", "True True"]


def test_another_thread_gets_the_true_one_meanwhile() -> None:
    code = """
import sys, threading
from facerelief.faces.lazy_modules import postpone_import
def other():
    from matplotlib.figure import Figure
    import matplotlib
    found.append((Figure.__module__, matplotlib.rcParams["backend"] is not None))
found = []
with postpone_import("matplotlib", "matplotlib.pyplot"):
    import matplotlib.pyplot as plt
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
print(found, plt.Figure.__name__)
import matplotlib
print(matplotlib.__version__ > "3")
"""
    assert run(code).splitlines() == ["[('matplotlib.figure', True)] Figure", "True"]


def test_one_that_is_there_stays() -> None:
    code = """
import matplotlib.pyplot as before
from facerelief.faces.lazy_modules import postpone_import
with postpone_import("matplotlib", "matplotlib.pyplot"):
    import matplotlib.pyplot as within
print(before is within)
"""
    assert run(code) == "True\n"
