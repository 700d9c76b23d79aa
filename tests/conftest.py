"""Device tests (tests/firmware, tests/drivers) run twice: on CPython and on MicroPython."""

import subprocess
from pathlib import Path

import pytest

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from host_tools import build

TESTS = Path(__file__).resolve().parent
DEVICE_FOLDERS = {TESTS / "firmware", TESTS / "drivers"}
MPYPATH = [build.ROOT / "firmware", build.ROOT, TESTS, build.UMQTT.parent.parent]
TIME_LIMIT_S = 120


def pytest_collect_file(file_path, parent):
    if file_path.parent in DEVICE_FOLDERS and file_path.match("test_*.py"):
        return MicroPythonFile.from_parent(
            parent, path=file_path, name=f"{file_path.name}@micropython"
        )


class MicroPythonFile(pytest.File):
    def collect(self):
        for line in self.path.read_text().splitlines():
            if line.startswith("def test_"):
                name = line[4 : line.index("(")]
                yield MicroPythonTest.from_parent(self, name=name)


class MicroPythonTest(pytest.Item):
    """One test function in a MicroPython process of its own."""

    def runtest(self):
        runner = str(TESTS / "micropython_runner.py")
        result = subprocess.run(
            [*build.micropython(heap="2M"), runner, str(self.path), self.name],
            env={"MICROPYPATH": ":".join([".frozen", *map(str, MPYPATH)])},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
        )
        if result.returncode or f"ok {self.name}" not in result.stdout:
            raise MicroPythonFailure(result.stdout + result.stderr)

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, MicroPythonFailure):
            return f"on MicroPython:\n{excinfo.value}"
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, f"{self.name} on MicroPython"


class MicroPythonFailure(Exception):
    """What the MicroPython process printed."""
