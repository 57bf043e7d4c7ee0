# Two commands: `make demo` and `make test`, and a second demo, of active DPO: `make dpo-demo`. Each creates .venv
# with pinned versions if it is not there.
PYTHON ?= python3.11
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
# No telemetry, no look-ups on the network.
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_OFFLINE := 1

.PHONY: demo dpo-demo test lint benchmarks clean

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: .venv/.installed
	$(BIN)/dvc repro
	$(BIN)/prefloop report
	@echo
	@echo "Where to look next:"
	@echo "  data/report/report.md        the comparison, to read"
	@echo "  . .venv/bin/activate         then, with the environment active:"
	@echo "  dvc plots show               the same curves by DVC"
	@echo "  prefloop ui                  the same runs in the MLflow UI"
	@echo "  prefloop bench --data FILE --out DIR   the same on your own file"

dpo-demo: .venv/.installed
	$(BIN)/dvc repro dpo/dvc.yaml
	$(BIN)/prefloop dpo report
	@echo
	@echo "Where to look next:"
	@echo "  data/dpo/report/report.md      the comparison, to read"
	@echo "  docs/dpo.md                    what was done, and what it can tell"
	@echo "  . .venv/bin/activate             then, with the environment active:"
	@echo "  prefloop ui                      curves and what the policies write, round by round"
	@echo "  prefloop dpo run --model MODEL --prompts FILE --out DIR   the same with your own"

test: .venv/.installed
	$(BIN)/python -m pytest -n 2

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

benchmarks: .venv/.installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .prefloop
