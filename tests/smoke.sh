#!/usr/bin/env bash
# The real command line from a handful of generated photos to an edited one: tiny networks, a few steps.
set -euo pipefail
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$bin/python" - "$here" <<'PY'
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from photos import astronaut, write_tree
from PIL import Image
write_tree(Path("photos"), ("neutral", "happy", "surprise"), people=10)
Image.fromarray(astronaut()).save("astronaut.jpg", quality=95)
PY

small="--set size=32 --set width=8 --set d_width=8 --set batch=6 --set precision=no --set save_every=4 --set warm_up=2"
facerelief="$bin/facerelief"
$facerelief dataset build photos -o dataset
$facerelief train judge dataset -o judge --expressions neutral,happiness,surprise --steps 6 ${small/--set warm_up=2/}
$facerelief train depth dataset -o depth --expressions neutral,happiness,surprise --steps 6 ${small/--set warm_up=2/}
$facerelief train depth dataset -o measure --expressions neutral,happiness,surprise --seed 1 --steps 6 ${small/--set warm_up=2/}
$facerelief train expression dataset -o guided --depth depth --steps 6 $small
$facerelief train expression dataset -o stargan --guide none --expressions neutral,happiness,surprise --steps 6 $small
$facerelief train expression dataset -o relief --depth depth --method relief --steps 6 $small
$facerelief train identity dataset -o identity --steps 4 --set size=32 --set width=8 --set batch=6 --set precision=no
$facerelief compare relief guided --morphable --data dataset --judge judge --encoder identity -o compare.jpg
$facerelief evaluate relief guided --data dataset --judge judge --encoder identity --depth measure -o report
$facerelief report curves stargan guided -o curves.png
$facerelief edit astronaut.jpg --to happy,surprise --weights guided --depth -o edited
$facerelief edit astronaut.jpg --to sadness -o edited
$facerelief edit astronaut.jpg --to neutral --weights relief -o edited
$facerelief dataset synthesize -n 24 --size 64 --settings 1 -o synthetic
$facerelief train depth synthetic -o synthetic-depth --steps 2 ${small/--set warm_up=2/}
$facerelief study table1 --scale smoke --processes 2 -o study
$facerelief study methods --scale smoke --seeds 1 --processes 2 -o methods
ls edited
test -s edited/astronaut-happiness-guided.jpg
test -s edited/astronaut-sadness.jpg
test -s edited/astronaut-neutral-relief.jpg
test -s compare.jpg
test -s report/report.html
test -s study/table1.md
test -s methods/methods.md
echo "smoke run: from photos to an edited photo, done"
