"""The whole node as a process: killed, misconfigured, without a broker; nothing committed is
lost.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from host_tools import cli
from host_tools.broker import Broker, free_port
from host_tools.ingest import database
from host_tools.ingest.worker import Worker
from host_tools.twin import audit, run
from host_tools.urls import parse_broker

NODE = "post-1"
STREAMS = ["air", "traffic"]
# A little more than the rows that the test wants to see.
HOURS = 6
QUIET_MOST_S = 30


def _kista(*arguments):
    """Return the exit code of a command."""
    with pytest.raises(SystemExit) as stop:
        cli.main([str(argument) for argument in arguments])
    return stop.value.code


def _start(flash, broker_url, *options):
    """Start `kista twin` as a process of its own."""
    command = ["-c", "from host_tools.cli import main; main()", "twin", "--node", NODE]
    command += ["--flash", flash, "--broker", broker_url, "--speed", "max", *options]
    python = [os.path.join(os.path.dirname(os.sys.executable), "python")]
    return subprocess.Popen([*python, *map(str, command)], stdout=subprocess.PIPE, text=True)


class Ingest:
    """Ingest in a thread, for as long as the test needs it."""

    def __init__(self, url, path):
        self._worker = Worker(parse_broker(url), path, lambda text: None)
        self._thread = threading.Thread(target=self._worker.run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._worker.ready.wait(10)
        return self

    def settle(self, flash, path):
        """Return the audit once every row has come, or nothing has for long; then a moment more."""
        came, since = -1, time.monotonic()
        while time.monotonic() < since + QUIET_MOST_S:
            if self._worker.counts["frames"] != came:
                came, since = self._worker.counts["frames"], time.monotonic()
            elif _audit(flash, path).good:
                break
            time.sleep(0.1)
        # What is there twice may come late.
        time.sleep(0.5)
        return _audit(flash, path)

    def __exit__(self, *_):
        self._worker.stop()
        self._thread.join(10)


def _audit(flash, path):
    db = database.open_existing(path)
    try:
        return audit.compare(audit.Ledger(run.Plan("", None, flash).ledger), db, NODE, STREAMS)
    finally:
        db.close()


@pytest.mark.slow(25)
def test_a_node_killed_ten_times_loses_no_committed_row_and_doubles_none(tmp_path):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    moments = random.Random(seed)
    flash = tmp_path / "node.flash"
    with Broker() as broker, Ingest(broker.url, tmp_path / "city.db") as ingest:
        for number in range(10):
            node = _start(flash, broker.url, "--hours", HOURS)
            # Most while it works, whenever that begins; some while it starts.
            while number % 5 != 4 and "  boot " not in node.stdout.readline():
                assert node.poll() is None
            time.sleep(moments.uniform(0, 0.4))
            node.send_signal(signal.SIGKILL)
            node.wait()
        node = _start(flash, broker.url, "--hours", HOURS)
        said, _ = node.communicate(timeout=180)
        assert node.returncode == 0, said
        found = ingest.settle(flash, tmp_path / "city.db")
    assert found.good, found
    assert found.taken > 2000 and found.stored + found.died == found.taken
    # What died was younger than the commit interval.
    assert found.youngest_death_ms <= 60_000


@pytest.mark.slow
def test_a_node_without_a_broker_keeps_on_reading_and_says_so(tmp_path, capfd):
    url = f"mqtt://127.0.0.1:{free_port()}"
    flash = tmp_path / "node.flash"
    options = ("--node", NODE, "--flash", flash, "--broker", url, "--hours", 1)
    assert _kista("twin", *options, "--speed", "max", "--no-drain") == 0
    ledger = audit.Ledger(run.Plan("", None, flash).ledger)
    assert len(ledger.read()) >= 360
    assert "link=waiting (" in capfd.readouterr().out


@pytest.mark.slow
def test_what_an_outage_to_the_end_has_left_is_delivered_then(tmp_path):
    boots = []
    with Broker() as broker, Ingest(broker.url, tmp_path / "city.db") as ingest:
        plan = run.Plan(NODE, parse_broker(broker.url), tmp_path / "node.flash", hours=0.7)
        plan.outages = [(0.2, 4.0)]
        run.run(plan, lambda event: boots.append(event) if event["event"] == "boot" else None)
        found = ingest.settle(plan.flash, tmp_path / "city.db")
    assert found.good and found.stored == found.taken > 240
    assert len(boots) == 1


@pytest.mark.parametrize(
    ("sensor", "period_ms", "field"),
    [
        ({"driver": "sds999", "bus": "uart1"}, 10000, "streams[0].sensors[0].driver"),
        ({"driver": "sds011", "bus": "i2c0"}, 10000, "streams[0].sensors[0].bus"),
        ({"driver": "ld2451", "bus": "uart2"}, 5000, "streams[0].period_ms"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_runs(
    tmp_path, capfd, sensor, period_ms, field
):
    path = tmp_path / "node.json"
    stream = {"name": "air", "period_ms": period_ms, "sensors": [sensor]}
    path.write_text(json.dumps({"streams": [stream]}))
    options = ("--node", NODE, "--flash", tmp_path / "f", "--broker", "mqtt://127.0.0.1:1")
    assert _kista("twin", *options, "--config", path) == 1
    message = capfd.readouterr().err
    assert message.startswith("kista: ") and field in message and message.count("\n") == 1
    assert not (tmp_path / "f").exists()


def test_a_node_name_with_a_topic_separator_is_refused(tmp_path, capfd):
    options = ("--flash", tmp_path / "f", "--broker", "mqtt://127.0.0.1:1", "--node", "a/b")
    assert _kista("twin", *options) == 1
    assert "node: " in capfd.readouterr().err


def test_a_flash_file_of_another_board_is_refused(tmp_path, capfd):
    flash = tmp_path / "node.flash"
    flash.write_bytes(b"something else")
    options = ("--flash", flash, "--broker", "mqtt://127.0.0.1:1", "--node", NODE)
    assert _kista("twin", *options) == 1
    assert "another file" in capfd.readouterr().err
    assert flash.read_bytes() == b"something else"
