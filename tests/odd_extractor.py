"""Stands for `Extractor` in other processes: at photos of some names it ends its process, hangs, or fails."""

import os
import time
from pathlib import Path

from facerelief.data.extract import ExtractionTask, Extractor, Recipe
from facerelief.data.manifest import Sample
from facerelief.errors import NoFaceFound


class OddExtractor(Extractor):
    def __init__(self, recipe: Recipe, dataset: Path) -> None:
        pass

    def mesh_file(self, photo: Path) -> None:
        return None

    def _sample(self, task: ExtractionTask) -> Sample:
        name = task.labelled.photo.stem
        if name == "kills":
            os._exit(9)
        if name == "hangs":
            time.sleep(1e6)
        if name == "fails":
            raise ZeroDivisionError("division\nby zero")
        if name == "greedy":
            raise MemoryError
        raise NoFaceFound(f"{task.labelled.photo}: no face found")
