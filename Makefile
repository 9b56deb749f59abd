# make demo   edit a photo with the weights that the package carries
# make check  lint, types, layers, and the fast tests: two minutes
# make test   run the test suite
PYTHON ?= python3
# One command for everything, so that no other package pulls in another torch. On a machine without an NVIDIA card a
# CPU build of torch spares gigabytes: make test TORCH="torch==2.13.0 --extra-index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
BIN = .venv/bin

# A test process a core, each computing in one thread (tests/conftest.py); more than four take much memory.
PYTEST = $(BIN)/python -m pytest -n auto --maxprocesses 4 --max-worker-restart 0 --dist loadfile

.PHONY: demo check test test-avx2 test-cluster test-mediapipe package lint smoke clean

demo: .venv/demo.done
	$(BIN)/facerelief demo -o demo --overwrite

check: lint
	$(PYTEST) -m "not slow"

test: .venv/dev.done
	$(PYTEST)

# The networks and their training as a processor without AVX-512 computes them.
test-avx2: .venv/dev.done
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(PYTEST) tests/networks tests/training

# Work on a Ray cluster of this machine, by itself: where other tests run beside it, Ray's processes starve.
test-cluster: .venv/dev.done
	$(BIN)/python -m pip install --quiet -e '.[cluster]'
	$(BIN)/python -m pytest tests/processes/test_cluster.py tests/cli/test_cluster_commands.py

# The package's own networks against mediapipe, in an environment of its own: it needs numpy 1, and Python before 3.13.
test-mediapipe: .venv-mediapipe/done
	.venv-mediapipe/bin/python -m pytest tests/faces

# Wheel and sdist, and an edit by the wheel in an empty environment.
package: .venv/dev.done
	packaging/check.sh $(BIN)/python

lint: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --platform win32
	$(BIN)/mypy --platform darwin
	$(BIN)/lint-imports

# The real command line, from a handful of photos to an edited one.
smoke: .venv/dev.done
	bash tests/smoke.sh $(BIN)

.venv/demo.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e '.[demo]'
	touch $@

.venv/dev.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(TORCH) -e '.[fast,demo,train,eval,meshes,video,serve,provenance,engines,remote,dev]'
	touch $@

.venv-mediapipe/done: pyproject.toml
	$(PYTHON) -m venv .venv-mediapipe
	.venv-mediapipe/bin/python -m pip install --quiet $(TORCH) -e '.[mediapipe,demo,train]' pytest hypothesis
	touch $@

clean:
	rm -rf .venv .venv-mediapipe demo
