# make demo   edit a photo with the weights that the package carries
# make test   run the test suite
PYTHON ?= python3
# One command for everything, so that no other package pulls in another torch. On a machine without an NVIDIA card a
# CPU build of torch spares gigabytes: make demo TORCH="torch==2.13.0 --extra-index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
BIN = .venv/bin

.PHONY: demo test lint smoke clean

demo: .venv/demo.done
	$(BIN)/facerelief demo -o demo

test: .venv/dev.done
	$(BIN)/python -m pytest

lint: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The real command line, from a handful of photos to an edited one.
smoke: .venv/dev.done
	bash tests/smoke.sh $(BIN)

.venv/demo.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(TORCH) -e '.[faces,fast,demo]'
	touch $@

.venv/dev.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(TORCH) -e '.[faces,fast,demo,train,eval,meshes,video,serve,provenance,engines,dev]'
	touch $@

clean:
	rm -rf .venv demo
