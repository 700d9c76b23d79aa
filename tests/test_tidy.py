"""Conventions that a machine can check; each message says what to do instead."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_tools import boards, build, bundle, catalogue, cli, image

ROOT = build.ROOT
TESTS = ROOT / "tests"
DRIVERS = sorted(path.stem for path in build.DRIVERS.glob("*.py") if path.stem != "__init__")
COMMANDS = sorted(path.stem for path in (ROOT / "host_tools/commands").glob("[!_]*.py"))
PAGES = (ROOT / "docs").glob("*.md")
DEVICE = build.device_files(twin=True)
STANDARD_NAMES = {"queue", "select", "types", "json", "time", "random", "socket", "ssl", "struct"}
LONGEST_FILE_LINES = 540
# One function, compiled for chips as it is, and the places in the arrays that it shares.
LONGER_FILES = {"firmware/gateway/rangecoder.py": 650}


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_has_its_model_and_its_test(driver):
    for sibling in (
        ROOT / "host_tools/twin/sensors" / f"{driver}.py",
        TESTS / "drivers" / f"test_{driver}.py",
    ):
        assert sibling.exists(), f"drivers/{driver}.py has no {sibling.relative_to(ROOT)}: add it"


def test_no_model_and_no_driver_test_is_an_orphan():
    models = {path.stem for path in (ROOT / "host_tools/twin/sensors").glob("[!_]*.py")}
    tested = {path.stem.removeprefix("test_") for path in (TESTS / "drivers").glob("test_*.py")}
    assert models == set(DRIVERS) and tested == set(DRIVERS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_test_that_names_it(command):
    texts = [path.read_text() for path in (TESTS / "host_tools").glob("test_*.py")]
    assert any(f'"{command}"' in text for text in texts), (
        f"no test in tests/host_tools runs `kista {command}`: add one"
    )


def test_no_line_of_the_list_of_commands_is_cut_off():
    said = CliRunner().invoke(cli.kista, ["--help"], terminal_width=80).output
    listed = said.partition("Commands:")[2]
    assert "unpack" in listed
    cut = [line.split()[0] for line in listed.splitlines() if line.endswith("...")]
    assert not cut, f"the first sentence of {', '.join(cut)} is too long for `kista --help`"


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_has_the_one_shape(driver):
    module = __import__(f"drivers.{driver}", fromlist=["Sensor"])
    for name in ("BUS", "CHANNELS", "RANGE", "MIN_PERIOD_MS", "WARM_UP_MS", "STREAMING"):
        assert hasattr(module, name), f"drivers/{driver}.py says nothing of {name}"
    assert callable(module.parse) and hasattr(module.Sensor, "read")
    assert len(module.RANGE) == len(module.CHANNELS)
    for name, unit, scale in module.CHANNELS:
        assert isinstance(name, str) and isinstance(unit, str) and isinstance(scale, int)
    for name in ("SPIKE", "STUCK_ROWS", "HUMIDITY_MOST", "PAIR"):
        limits = getattr(module, name, module.CHANNELS)
        assert len(limits) == len(module.CHANNELS), f"drivers/{driver}.py: {name}: one a channel"
    for bus, name in (
        ("uart", "UART"),
        ("i2c", "I2C_FREQ"),
        ("i2c", "ADDRESSES"),
        ("i2s", "I2S"),
        ("pulse", "PULSE"),
    ):
        assert bus != module.BUS or hasattr(module, name), f"drivers/{driver}.py needs {name}"
    for name, *limits in getattr(module, "OPTIONS", ()):
        whole = len(limits) == 2 and all(isinstance(limit, int) for limit in limits)
        choice = len(limits) == 1 and all(isinstance(one, str) for one in limits[0])
        assert whole or choice, f"drivers/{driver}.py: {name} needs (name, least, most) or choices"


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_model_says_what_people_need_to_know_of_the_sensor(driver):
    sensor = catalogue.load(driver)
    facts, where = sensor.facts, f"FACTS in host_tools/twin/sensors/{driver}.py"
    assert facts["price"] in catalogue.PRICES, f"{where}: price is one of {[*catalogue.PRICES]}"
    for key in set(catalogue.FACTS) - {"wiring", "distrust"}:
        assert isinstance(facts[key], str), f"{where}: {key} is a text"
    assert all(len(pair) == 2 for pair in facts["wiring"]), f"{where}: wiring is of pairs"
    assert isinstance(facts["distrust"], tuple), f"{where}: distrust is a tuple of sentences"
    options = {option[0] for option in getattr(sensor.driver, "OPTIONS", ())}
    assert set(facts.get("options", ())) <= options, f"{where}: options are those of OPTIONS"


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_takes_the_outside_as_arguments(driver):
    wrong = _imports(build.DRIVERS / f"{driver}.py") & {"machine", "time", "asyncio", "socket"}
    assert not wrong, (
        f"drivers/{driver}.py imports {wrong}: take bus and clock from the constructor"
    )


def test_only_the_hal_touches_the_machine():
    for name, path in build.device_files().items():
        if name != "gateway/hal_esp32.py":
            wrong = _imports(path) & {"machine", "esp32", "network"}
            assert not wrong, f"{name} imports {wrong}: ask the HAL"


def test_no_device_file_has_the_name_of_a_standard_module():
    for name in DEVICE:
        assert Path(name).stem not in STANDARD_NAMES, f"{name}: choose another name"


def test_packages_are_empty_on_the_device():
    for path in [*build.FIRMWARE.rglob("__init__.py"), build.DRIVERS / "__init__.py"]:
        assert path.read_text() == "", f"{path} is not on the device: leave it empty"


# For this machine the twin compiles them, in many tests.
@pytest.mark.parametrize("arch", [None, *sorted(set(build.CHIP_ARCH.values()))])
def test_every_device_file_compiles(arch):
    made = image.compiled(tuple(DRIVERS), arch)
    files = set(bundle.bundled(build.device_files())) - {"boot.py", "main.py"} | {"start.py"}
    assert set(made) == {name.replace(".py", ".mpy") for name in files} and all(made.values())


def test_what_starts_a_board_compiles(tmp_path):
    assert build.compile_files({"boot.py": build.FIRMWARE / "boot.py"}, tmp_path, alone=False)


def test_every_chip_has_an_instruction_set():
    assert set(boards.CHIPS) - {"twin"} <= set(build.CHIP_ARCH)


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{p.name}" for p in PAGES)])
def test_every_file_that_a_page_names_exists(page):
    """Links, and names of tests: a page that promises a test must have it."""
    text = (ROOT / page).read_text()
    # The page says x where a sensor will stand.
    names = {path.name for path in TESTS.rglob("*.py")} | {"test_x.py"}
    gone = sorted(set(re.findall(r"\btest_\w+\.py", text)) - names)
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if "*" not in link]
    gone += [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert not gone, f"{page} names what is not there: {gone}"


def test_no_file_has_outgrown_its_one_job():
    for path in _tracked("*.py"):
        lines = len(path.read_text().splitlines())
        name = str(path.relative_to(ROOT))
        most = LONGER_FILES.get(name, LONGEST_FILE_LINES)
        assert lines <= most, f"{name}: {lines} lines; split it"


def test_ruff_finds_nothing_to_format_and_nothing_to_mend():
    for arguments in (["format", "--check"], ["check"]):
        result = subprocess.run(
            ["ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True, env=_environment()
        )
        assert result.returncode == 0, f"ruff {arguments[0]}:\n{result.stdout}{result.stderr}"


def _environment():
    import os
    import sys

    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _imports(path):
    """Return the names of the top-level modules that a file imports anywhere in it."""
    names = set()
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            names.update(alias.name.split(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            names.add((statement.module or "").split(".")[0])
    return names


def _tracked(pattern):
    # Not looked through: .venv has ten thousand files.
    folders = [path for path in ROOT.iterdir() if path.name not in (".venv", ".git", "build")]
    return [*ROOT.glob(pattern), *(path for folder in folders for path in folder.rglob(pattern))]
