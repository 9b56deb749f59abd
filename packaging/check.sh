#!/usr/bin/env bash
# Build the package and use it as a stranger does: sdist and wheel are checked, the wheel is installed into an empty
# environment, and there it edits a photo, from a folder in which no source lies.
#
#   packaging/check.sh PYTHON [PACKAGE...]    PYTHON has build and twine; the packages are installed beside the wheel
set -euo pipefail
python=$(realpath -s "$1") && shift
source=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d) && trap 'rm -rf "$place"' EXIT

"$python" -m build --quiet --outdir "$place/dist" "$source"
"$python" -m twine check --strict "$place"/dist/*
"$python" -m venv "$place/venv"
wheel=$(echo "$place"/dist/*.whl)
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel[demo]" "$@"
cd "$place"
venv/bin/facerelief --version
venv/bin/facerelief demo -o demo
venv/bin/python -c 'from PIL import Image; from skimage import data; Image.fromarray(data.astronaut()).save("me.png")'
venv/bin/facerelief edit me.png --to happiness
cmp me-happiness.png demo/happiness.png
venv/bin/python -c 'import facerelief; print(facerelief.load().edit("me.png", to="surprise"))'
du -sh venv | cut -f1
