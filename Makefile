# make demo    generates Rooms, trains, evaluates, exports, predicts
# make test    the tests, but for
# make test-long  whole runs: of every data set, of two programs that train one, and all
#              commands in turn on real frames, where there are some
# make test-fast  those that need no training, for the loop of a change
# make smoke   every row of every table of the paper, tiny, on Rooms
# make fuzz    20,000 damaged inputs, other ones each time; about ten minutes
# make results the tables of RESULTS.md, from the records in results/
# make lint    format, lint and types
# make lock    requirements.lock: every version, with hashes; LOCK=1 installs by it
# make rooms-model  trains and exports the model of saved_models/rooms: about an hour on
#                   two CPU cores; again, it goes on where it stopped
# All make .venv first, with $(PYTHON), and reuse it as long as requirements stay.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
DEMO := runs/demo
LOCK ?=
INSTALL := install --quiet --disable-pip-version-check
HASHED := --require-hashes -r requirements.lock
ROOMS_MODEL := runs/rooms_model

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-long test-fast fuzz smoke rooms-model results lint lock clean

$(INSTALLED): requirements.txt
	@$(PYTHON) -c 'import sys; found = sys.version_info[:2]; sys.exit(0 if (3, 11) <= found <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed; %s is %d.%d. Say make PYTHON=python3.12" % (sys.executable, *found))'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip $(INSTALL) $(if $(LOCK),$(HASHED),-r requirements.txt)
	@touch $@

$(VENV)/.installed-dev: $(INSTALLED) requirements-dev.txt
	$(VENV)/bin/pip $(INSTALL) $(if $(LOCK),$(HASHED),-r requirements-dev.txt)
	@touch $@

demo: $(INSTALLED)
	$(RUN) -m mgm_tf.train --flagfile=configs/rooms.flags --flagfile=configs/demo.flags --workdir=$(DEMO)
	$(RUN) -m mgm_tf.evaluate --workdir=$(DEMO) --split=test
	$(RUN) -m mgm_tf.export --workdir=$(DEMO) --saved_model=saved_models/demo
	$(RUN) -m datasets.rooms.render --output=$(DEMO)/photos --rooms=8 --size=256 --seed=7
	$(RUN) -m mgm_tf.predict --saved_model=saved_models/demo --input=$(DEMO)/photos --output=$(DEMO)/predictions --overwrite
	@echo
	@echo "Pictures: $(DEMO)/predictions/*.panel.png"
	@echo "Model:    saved_models/demo (for TF Serving)"
	@echo "Metrics:  $(DEMO)/eval/test.json"
	@echo "Watch:    $(VENV)/bin/tensorboard --logdir=$(DEMO)"

test: $(INSTALLED)
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long"

test-long: $(INSTALLED)
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m long

# The networks are tiny: neither threads nor kernels prepared for a shape pay.
smoke: export TF_ENABLE_ONEDNN_OPTS := 0
smoke: export TF_NUM_INTRAOP_THREADS := 1
test-fast: $(INSTALLED)
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not long"

smoke: $(INSTALLED)
	$(RUN) -m mgm_tf.experiments run --table=all --scale=smoke --dataset=rooms --jobs=2 --workdir=runs/smoke

# Shares of it are the numbers of inputs of the targets, 17 in all.
fuzz: export MGM_FUZZ ?= 1200
fuzz: $(INSTALLED)
	$(RUN) -m pytest tests/fuzz

# The best weights of the last stage, in which the network learns to name the scene.
rooms-model: $(INSTALLED)
	$(RUN) -m mgm_tf.train --flagfile=configs/rooms.flags --flagfile=configs/rooms_model.flags --workdir=$(ROOMS_MODEL)
	$(RUN) -m mgm_tf.evaluate --workdir=$(ROOMS_MODEL) --split=test --checkpoint=best_of_joint
	$(RUN) -m mgm_tf.export --workdir=$(ROOMS_MODEL) --checkpoint=best_of_joint --saved_model=saved_models/rooms
	@du -sh saved_models/rooms/1

results: $(INSTALLED)
	$(RUN) -m mgm_tf.experiments report --table=X5 --runs=results --workdir=runs/results --markdown=RESULTS.md

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

# For all Pythons and systems at once.
lock: $(VENV)/.installed-dev
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header requirements.txt requirements-dev.txt -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
