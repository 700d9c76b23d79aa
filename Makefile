# Every command a person needs. The first use of each makes the environment it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Hundreds of processes import the same modules: these are compiled once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test check fuzz bench-frames chaos chaos-flash soak test-emulated clean bench-link

help:             ## This list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */make \1\t/' | expand -t 20

setup: $(READY)   ## Make the environment (.venv) with pinned packages

$(READY): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' || { echo "Kista needs Python 3.10 or newer with venv; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making the environment in $(VENV) (once, about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m host_tools.setup
	@touch $@

demo: $(READY)    ## A whole node on this PC, from sensor bytes to database rows [RECORDING="FILE ..."]
	@$(BIN)/kista demo $(foreach file,$(RECORDING),--recording $(file))

# More than cores: many tests wait for a broker or a clock.
test: $(READY)    ## Everything that proves the project on this machine
	@$(BIN)/python -m pytest -n 5 --dist worksteal

check: $(READY)   ## The quick gate before a commit: format, lint, compile, fast tests
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not slow"

.PHONY: docs
docs: $(READY)    ## Make docs/sensors.md anew from the drivers and what their models' files say
	@$(BIN)/kista sensors --markdown > docs/sensors.md.new && mv docs/sensors.md.new docs/sensors.md

bench-frames: $(READY) ## The frame beside its peers: bytes and speed [CSV="FILE ..."]
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench,fast]'
	@$(BIN)/python -m tests.bench.frames $(CSV)

.PHONY: bench-chip
bench-chip: $(READY) ## The frame beside json.dumps on an emulated ESP32 QEMU=qemu-system-xtensa IMAGE=stock.bin
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python -m tests.bench.chip $(QEMU) $(IMAGE)

fuzz: $(READY)    ## A million frames from strangers [N=1000000] [SEED=1]
	@$(BIN)/python tests/fuzz_frames.py $(or $(N),1000000) $(or $(SEED),1)

.PHONY: sensor-days
sensor-days: $(READY) ## A day in the twin for every driver, and one on which the sensors misbehave
	@KISTA_SENSOR_DAYS=1 $(BIN)/python -m pytest -n 2 tests/host_tools/test_sensor_days.py

chaos-flash: $(READY) ## Cut the power at every single flash operation, twice deep; flip every bit (half an hour)
	@KISTA_CUTS=all $(BIN)/python -m pytest -v -rP -n 2 tests/host_tools/test_flash_cuts.py tests/host_tools/test_ring_rot.py tests/host_tools/test_flash_rot.py

.PHONY: packets
packets: $(READY) ## 140,000 packets through Mosquitto and through the embedded broker (minutes)
	@KISTA_PACKETS=all $(BIN)/python -m pytest -q -rP tests/host_tools/test_link_packets.py

chaos: $(READY)   ## Every fault there is, at random, against a whole city [SEED=1] [MINUTES=10]
	@$(BIN)/python tests/host_tools/chaos.py $(or $(SEED),1) $(or $(MINUTES),10)

soak: $(READY)    ## Two simulated months of a node, the heap watched (half an hour) [DAYS=60] [SEED=1]
	@$(BIN)/python tests/host_tools/soak.py $(or $(DAYS),60) $(or $(SEED),1)

test-emulated: $(READY) ## Flash, boot and provision an emulated ESP32 QEMU=qemu-system-xtensa IMAGE=stock.bin
	@KISTA_QEMU="$(QEMU)" KISTA_IMAGE="$(IMAGE)" $(BIN)/python -m pytest -rs tests/host_tools/test_emulated.py

.PHONY: bench
bench: bench-frames bench-link bench-flash bench-traffic bench-traffic-lanes ## Every figure beside its peers, one after the other

.PHONY: test-workshop bench-flash
test-workshop: $(READY) ## docs/workshop.md typed from its first line to its last, and what takes a real minute
	@KISTA_WORKSHOP=1 $(BIN)/python -m pytest -rs tests/host_tools/test_workshop.py tests/host_tools/test_provision.py

bench-flash: $(READY) ## Eight practice boards at once beside one, at the speed of a serial line
	@$(BIN)/python tests/bench/bench_flash.py

.PHONY: bench-traffic
bench-traffic: $(READY) ## Radar and tracker over 82 hours of a simulated street: table and docs/traffic.svg
	@$(BIN)/python -m tests.bench.traffic_hours docs/traffic.svg

bench-link: $(READY) ## A day's backlog over 200 ms: the uplink beside umqtt.simple's own publish [MQTT_AS=FILE]
	@$(BIN)/python tests/bench/bench_link.py $(MQTT_AS)

.PHONY: bench-traffic-lanes
bench-traffic-lanes: $(READY) ## Loops, tubes and lidars beside 50 hours of a lane: counts and speeds (minutes)
	@$(BIN)/python -m tests.bench.traffic_lanes

clean:            ## Remove the environment and everything built
	rm -rf $(VENV) build
