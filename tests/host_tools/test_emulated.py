"""A chip, not a model of one: stock MicroPython and our image in an emulated ESP32.

`make test-emulated QEMU=… IMAGE=…`: the emulator (emulator.py says which), and a stock image of
MicroPython for the ESP32. Half a minute goes by in flashing, some minutes in waiting for rows.
"""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from emulator import HOST, WIFI, Emulator, powered
from link_rig import mosquitto, wait_for

from host_tools.serial_node import SerialNode
from host_tools.twin.sensors import sds011
from host_tools.twin.source import Generator

QEMU, IMAGE = os.environ.get("KISTA_QEMU"), os.environ.get("KISTA_IMAGE")
BOARD = "esp32_generic"
NODE = "emulated-1"
FLASH_BYTES = 4 * 1024 * 1024
CONFIG = """
node = "{node}"
time_servers = []
[[network.wifi]]
ssid = "{wifi}"
password = ""
[broker]
url = "mqtt://{host}:{port}"
[[streams]]
name = "air"
period_ms = 10000
sensors = [{{ driver = "sds011", bus = "uart1" }}]
"""
KISTA = [sys.executable, "-c", "from host_tools.cli import main; main()"]
# An emulated minute is longer than a minute, and each look into the flash is slow.
STARTS_WITHIN_S = 900
JOINS_WITHIN_S = 900
ROWS_WITHIN_S = 900
ROWS_BEFORE_THE_CUT = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (QEMU and IMAGE),
        reason="needs an emulator and a stock image: make test-emulated QEMU=FILE IMAGE=FILE",
    ),
]


class Sensor:
    """An SDS011 on the emulator's second UART, for as long as the terminal is there."""

    def __init__(self, port):
        self._model = sds011.Model(Generator(1), {})
        self._file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        waiting = b""
        with contextlib.suppress(OSError):
            while True:
                now_ms = int(time.monotonic() * 1000)
                with contextlib.suppress(BlockingIOError):
                    waiting += os.read(self._file, 256)
                while len(waiting) >= 19:
                    start = max(0, waiting.find(b"\xaa\xb4"))
                    self._model.write(waiting[start : start + 19], now_ms)
                    waiting = waiting[start + 19 :]
                os.write(self._file, self._model.pending(now_ms))
                time.sleep(0.01)


def _run(*command, within_s=300):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=within_s, check=False
    )
    print(done.stdout[-2000:], done.stderr[-2000:])
    assert done.returncode == 0
    return done.stdout


def _rows(path):
    with sqlite3.connect(path) as db:
        return db.execute("SELECT uptime_ms FROM rows ORDER BY id").fetchall()


def test_a_stock_image_becomes_a_node_that_survives_its_power(tmp_path):
    image, flash, database = tmp_path / "image.bin", tmp_path / "flash.bin", tmp_path / "city.db"
    _run(*KISTA, "image", "--board", BOARD, "--micropython", IMAGE, "-o", image)
    flash.write_bytes(b"\xff" * FLASH_BYTES)
    emulator = Emulator(QEMU, flash)
    esptool = [Path(sys.executable).with_name("esptool"), "--chip", "esp32"]
    resets = ["--before", "no-reset", "--after", "no-reset", "--baud", "921600"]
    with powered(emulator, loader=True):
        write = ["write-flash", "--flash-mode", "keep", "0", image]
        said = _run(*esptool, "--port", emulator.port, *resets, *write)
        assert "Hash of data verified" in said

    memory = f"allow_anonymous true\npersistence true\npersistence_location {tmp_path}/\n"
    with mosquitto(tmp_path, memory) as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        config = tmp_path / "node.toml"
        config.write_text(CONFIG.format(node=NODE, wifi=WIFI, host=HOST, port=broker.port))
        ingest = subprocess.Popen(
            [*KISTA, "ingest", "--broker", url, "--db", f"sqlite:///{database}"]
        )
        try:
            with powered(emulator):
                Sensor(emulator.sensor)
                with SerialNode(emulator.port) as node:
                    assert node.health(STARTS_WITHIN_S), "the firmware does not speak"
                provision = [*KISTA, "provision", "--port", emulator.port, "--config", config]
                _run(*provision, "--wait", JOINS_WITHIN_S, within_s=2 * JOINS_WITHIN_S)
                taken = _rows_taken(emulator.port)
                # The emulator's SIGKILL: the power goes, with most of these rows in the journal.
            before = database.exists() and len(_rows(database))
            with powered(emulator):
                Sensor(emulator.sensor)
                wait_for(lambda: len(_rows(database)) > before, ROWS_WITHIN_S)
        finally:
            ingest.terminate()
            ingest.wait(20)
    rows = _rows(database)
    # What is younger than 50 s may be gone, and was five rows at most.
    assert taken - 6 <= len(rows) <= taken + 2
    assert len(set(rows)) == len(rows)


def _rows_taken(port):
    """Return how many rows the node has taken, as soon as these are enough."""
    end = time.monotonic() + ROWS_WITHIN_S
    with SerialNode(port) as node:
        while time.monotonic() < end:
            report = node.health(30) or {}
            if report.get("rows", 0) >= ROWS_BEFORE_THE_CUT:
                return report["rows"]
            time.sleep(5)
    raise AssertionError("the node takes no rows")
