"""Device tests (tests/firmware, tests/drivers) run twice: on CPython and on MicroPython.

Those of what a build compiles natively run a third time, against this machine's code of it.
"""

import subprocess
from pathlib import Path

import pytest

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from host_tools import build

TESTS = Path(__file__).resolve().parent
DEVICE_FOLDERS = {TESTS / "firmware", TESTS / "drivers"}
MPYPATH = [build.ROOT / "firmware", build.ROOT, TESTS, build.UMQTT.parent.parent]
NATIVE = build.ROOT / "build" / "native"
NATIVE_TESTS = {"test_frame.py", "test_rangecoder.py", "test_noise.py"}
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
                if self.path.name in NATIVE_TESTS and build.host_arch():
                    yield NativeTest.from_parent(self, name=name)


class MicroPythonTest(pytest.Item):
    """One test function in a MicroPython process of its own."""

    where = "on MicroPython"

    def path_of_modules(self):
        return MPYPATH

    def runtest(self):
        runner = str(TESTS / "micropython_runner.py")
        result = subprocess.run(
            [*build.micropython(heap="2M"), runner, str(self.path), self.name],
            env={"MICROPYPATH": ":".join([".frozen", *map(str, self.path_of_modules())])},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
        )
        if result.returncode or f"ok {self.name}" not in result.stdout:
            raise MicroPythonFailure(result.stdout + result.stderr)

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, MicroPythonFailure):
            return f"{self.where}:\n{excinfo.value}"
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, f"{self.name} {self.where}"


class NativeTest(MicroPythonTest):
    """The same with machine code in the place of bytecode, where there is some."""

    where = "on MicroPython, natively"

    def path_of_modules(self):
        files = {n: p for n, p in build.device_files().items() if n.startswith("gateway/")}
        build.compile_files(files, NATIVE, build.host_arch(), alone=False)
        return [NATIVE, *MPYPATH]


class MicroPythonFailure(Exception):
    """What the MicroPython process printed."""
