"""Device tests (tests/firmware, tests/drivers) run twice: on CPython and on MicroPython.

Those of what a build compiles natively run a third time, against this machine's code of it.
"""

import functools
import gc
import os
import selectors
import subprocess
import time
from array import array
from pathlib import Path

import pytest

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import rangecoder
from host_tools import build
from micropython_runner import FAILED, PASSED
from random_frames import random_frame

TESTS = Path(__file__).resolve().parent
DEVICE_FOLDERS = {TESTS / "firmware", TESTS / "drivers"}
MPYPATH = [build.ROOT / "firmware", build.ROOT, TESTS, build.UMQTT.parent.parent]
NATIVE = build.ROOT / "build" / "native"
NATIVE_TESTS = {"test_frame.py", "test_rangecoder.py", "test_noise.py"}
TIME_LIMIT_S = 120


_RESET = rangecoder.reset


@functools.cache
def _chances(priors, levels, first, stop):
    """Return (chances, seen) as the coder's own `reset` makes them."""
    chances, seen = array("H", bytes(2 * (stop - first))), bytearray(stop - first)
    _RESET(chances, seen, 0, priors, levels, first, stop)
    return chances, seen


def _reset_at_once(chances, seen, at, priors, levels, first, stop):
    """Do the same without a turn of a loop for each: of a short frame that is most of the time."""
    chances[at : at + stop - first], seen[at : at + stop - first] = _chances(
        bytes(priors), bytes(levels), first, stop
    )


rangecoder.reset = _reset_at_once


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest, dealt to the workers: nobody waits for it at the end."""
    marks = {item: item.get_closest_marker("slow") for item in items}
    seconds = {item: sum(mark.args) if mark else 0 for item, mark in marks.items()}
    long = sorted(filter(seconds.get, items), key=seconds.get, reverse=True)
    rest = [item for item in items if not seconds[item]]
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    share = -(-len(items) // workers)
    items.clear()
    for worker in range(workers):
        mine = long[worker::workers]
        items += mine + rest[: share - len(mine)]
        del rest[: share - len(mine)]
    items += rest


def pytest_collection_finish():
    # The firmware collects before each frame: what thousands of tests are made of is not to be
    # looked through each time.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def codec_made():
    """The codec, compiled by one worker for all: with numba and after a change that is a minute."""
    # With numba it takes its time to import: not for every test.
    from host_tools import codec

    with build.alone_in(build.ROOT / "build" / "codec"):
        codec.decode(codec.encode([random_frame(1)]))


def pytest_collect_file(file_path, parent):
    if file_path.parent in DEVICE_FOLDERS and file_path.match("test_*.py"):
        return MicroPythonFile.from_parent(
            parent, path=file_path, name=f"{file_path.name}@micropython"
        )


class MicroPythonFile(pytest.File):
    """The tests of a file, in one process for each way of running them, as on CPython."""

    def setup(self):
        self.interpreters = {}

    def teardown(self):
        for interpreter in self.interpreters.values():
            interpreter.end()

    def collect(self):
        for line in self.path.read_text().splitlines():
            if line.startswith("def test_"):
                name = line[4 : line.index("(")]
                yield MicroPythonTest.from_parent(self, name=name)
                if self.path.name in NATIVE_TESTS and build.host_arch():
                    yield NativeTest.from_parent(self, name=name)


class MicroPythonTest(pytest.Item):
    """One test function on MicroPython."""

    where = "on MicroPython"

    def path_of_modules(self):
        return MPYPATH

    def runtest(self):
        running = self.parent.interpreters
        if self.where not in running:
            running[self.where] = Interpreter(self.path, self.path_of_modules())
        try:
            running[self.where].run(self.name)
        except MicroPythonFailure:
            # The next test begins anew, whatever this one has left.
            running.pop(self.where).end()
            raise

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


class Interpreter:
    """A MicroPython process that runs the tests of one file."""

    def __init__(self, path, modules):
        self._process = subprocess.Popen(
            [*build.micropython(heap="2M"), str(TESTS / "micropython_runner.py"), str(path)],
            env={"MICROPYPATH": ":".join([".frozen", *map(str, modules)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def run(self, name):
        """Run one test; MicroPythonFailure when it fails, or does not end in time."""
        said, verdict = "", ""
        try:
            self._process.stdin.write(f"{name}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            # What it printed before it ended says why.
            pass
        end = time.monotonic() + TIME_LIMIT_S
        while verdict not in (PASSED, FAILED):
            if not self._selector.select(end - time.monotonic()):
                raise MicroPythonFailure(f"{said}\nnot done in {TIME_LIMIT_S} s")
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise MicroPythonFailure(f"{said}\nended with exit code {self._process.wait()}")
            said += data.decode(errors="replace")
            verdict = said.rstrip("\n").rsplit("\n", 1)[-1]
        if verdict == FAILED:
            raise MicroPythonFailure(said)

    def end(self):
        """Let the process go."""
        self._process.kill()
        self._process.communicate()
        self._selector.close()
