"""Everything fails, again and again: node, flash, link, broker, ingest, sensors, time server.

    python tests/host_tools/chaos.py [SEED] [MINUTES]

Runs `kista twin`, a broker (Mosquitto where there is one), a proxy that mistreats the connection
and `kista ingest`, lets faults of every kind happen in an order that SEED determines, then lets
everything come to rest and compares the database with what the node took, row by row. Exit code 1
and the folder with all logs when a committed row is missing or doubled, or anything crashed.
"""

import contextlib
import json
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as mqtt
from fault_proxy import FaultProxy

from host_tools.broker import Broker, free_port
from host_tools.ingest import database, report
from host_tools.twin import audit, run

NODE = "post-1"
STREAMS = ["air", "traffic"]
TOPIC = f"kista/1/{NODE}/command"
# Simulated hours between power cuts, and between outages of the network.
CUT_EVERY_H = 2.5
OUTAGE_EVERY_H = 5.0
DAYS = 60
REST_MOST_S = 240
KISTA = [sys.executable, "-c", "from host_tools.cli import main; main()"]


class City:
    """All the processes; a context that ends them. Logs are in `folder`."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.seed = seed
        self.random = random.Random(seed)
        self.flash = folder / "node.flash"
        self.db = folder / "city.db"
        self.port = free_port()
        self.proxy = FaultProxy(self.port)
        self.happened = Counter()
        self.processes = {}
        self._embedded = None
        self._mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        self._span = {}

    def __enter__(self):
        self.proxy.__enter__()
        self.start("broker")
        self.start("ingest")
        # A broker keeps nothing for a database that it has not met.
        self.wait(lambda: "connected" in (self.folder / "ingest.log").read_text(), 20)
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.connect_async("127.0.0.1", self.port)
        self._client.reconnect_delay_set(1, 1)
        self._client.loop_start()
        return self

    def __exit__(self, *_):
        self._client.loop_stop()
        for name in ("node", "ingest", "broker"):
            self.kill(name)
        self.proxy.__exit__()

    def start(self, name):
        """Start a process that does not run."""
        if name == "broker" and not self._mosquitto:
            self._embedded = Broker(self.port)
            self._embedded.__enter__()
            return
        log = (self.folder / f"{name}.log").open("ab")
        command = getattr(self, f"_{name}_command")()
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        if name == "broker":
            self.wait(lambda: _is_listening(self.port), 10)

    def kill(self, name, how=signal.SIGKILL):
        """End a process that runs, and wait for its end."""
        if name == "broker" and self._embedded:
            self._embedded.__exit__()
            self._embedded = None
            return
        process = self.processes.pop(name, None)
        if process:
            process.send_signal(how)
            process.wait(30)

    def restart(self, name, how=signal.SIGKILL, most_s=0.5):
        self.kill(name, how)
        self.rest(0, most_s)
        self.start(name)

    @contextlib.contextmanager
    def frozen(self, name):
        process = self.processes.get(name)
        if process:
            process.send_signal(signal.SIGSTOP)
        yield
        if process:
            process.send_signal(signal.SIGCONT)

    def rest(self, least_s, most_s):
        time.sleep(self.random.uniform(least_s, most_s))

    def wait(self, condition, most_s):
        end = time.monotonic() + most_s
        while not condition():
            assert time.monotonic() < end, f"seed {self.seed}: still waiting after {most_s} s"
            time.sleep(0.02)

    def tell(self, command, payload):
        """Send the node a command; nobody waits for its answer."""
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        self._client.publish(f"{TOPIC}/{command}", payload, 1)

    def settings(self):
        return json.loads((self.folder / "node.flash.config" / "config.json").read_text())

    def hours(self):
        """Return how many hours of simulated time have passed."""
        clock = int.from_bytes(self.flash.read_bytes()[:8], "little") if self.flash.exists() else 0
        return max(0, clock - run.GENERATOR_START_MS) / run.HOUR_MS

    # What each process is.

    def _broker_command(self):
        conf = self.folder / "broker.conf"
        conf.write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nautosave_interval 5\n"
            "max_queued_messages 1000000\n"
        )
        return [self._mosquitto, "-c", str(conf)]

    def _ingest_command(self):
        broker = f"mqtt://127.0.0.1:{self.port}"
        db = f"sqlite:///{self.db}"
        return [*KISTA, "ingest", "--broker", broker, "--db", db, "--ask-after", "2"]

    def _node_command(self):
        broker = f"mqtt://127.0.0.1:{self.proxy.port}"
        options = ["--flash", self.flash, "--node", NODE, "--broker", broker, "--faults"]
        options += ["--seed", self.seed, *self._plan()]
        return [*KISTA, "twin", *map(str, options)]

    def _plan(self):
        if self._span:
            return [str(word) for pair in self._span.items() for word in pair]
        # The same in every start: what lies behind is passed over.
        chance = random.Random(self.seed)
        words = ["--hours", 24 * DAYS, "--speed", "max"]
        for option, every in (("--power-cut", CUT_EVERY_H), ("--outage", OUTAGE_EVERY_H)):
            hour = 0.5
            for _ in range(60):
                hour = round(hour + chance.expovariate(1 / every), 3)
                if hour > self.hours():
                    words += [option, hour if option == "--power-cut" else f"{hour}-{hour + 1}"]
        return words

    def come_to_rest(self):
        """Let the node end its day, and everything arrive."""
        self.proxy.mend()
        self.kill("node")
        self._span = {"--hours": self.hours() + 1, "--speed": "max"}
        for _ in range(20):
            self.start("node")
            self.wait(lambda: self.processes["node"].poll() is not None, REST_MOST_S)
            code = self.processes.pop("node").returncode
            assert code == 0, (
                f"seed {self.seed}: node ended with {code}, see {self.folder}/node.log"
            )
            self.rest(1.5, 1.5)
            if not self.missing():
                return
            # Long enough that ingest can ask for what a broker has forgotten.
            self._span = {"--hours": self.hours() + 1, "--speed": 600}

    def missing(self):
        db = database.open_existing(self.db)
        try:
            return [span for node in report.nodes(db) for span in node.missing]
        finally:
            db.close()

    def audit(self):
        db = database.open_existing(self.db)
        try:
            ledger = audit.Ledger(self.flash.with_name("node.flash.ledger"))
            return audit.compare(ledger, db, NODE, STREAMS)
        finally:
            db.close()


# Faults: what happens to the city; each has ended when it returns.


def node_killed(city):
    city.restart("node")


def broker_killed(city):
    city.restart("broker")


def broker_restarted(city):
    city.restart("broker", signal.SIGTERM)


def broker_frozen(city):
    with city.frozen("broker"):
        city.rest(0.2, 3)


def broker_frozen_for_long(city):
    # Beyond the 30 s in which it must acknowledge.
    with city.frozen("broker"):
        city.rest(32, 34)


def ingest_killed(city):
    city.restart("ingest")


def ingest_stopped(city):
    city.restart("ingest", signal.SIGTERM)


def ingest_frozen(city):
    with city.frozen("ingest"):
        city.rest(0.2, 2)


def database_locked(city):
    if not city.db.exists():
        return
    other = sqlite3.connect(city.db, timeout=2, isolation_level=None)
    with contextlib.suppress(sqlite3.OperationalError):
        other.execute("BEGIN IMMEDIATE")
        city.rest(0.2, 1.5)
    other.close()


def link_cut(city):
    city.proxy.cuts = [city.random.randrange(1, 4000) for _ in range(3)]
    city.proxy.drop()


def link_slow(city):
    city.proxy.delay_s = city.random.uniform(0.05, 0.4)
    city.rest(0.5, 2)
    city.proxy.delay_s = 0.0


def link_thin(city):
    city.proxy.piece = city.random.randrange(1, 40)
    city.rest(0.5, 2)
    city.proxy.piece = 65536


def link_half_open(city):
    city.proxy.frozen = True
    city.rest(0.2, 2)
    city.proxy.drop()
    city.proxy.frozen = False


def link_refused(city):
    city.proxy.target = free_port()
    city.proxy.drop()
    city.rest(0.2, 1.5)
    city.proxy.target = city.port


def told_to_reboot(city):
    city.tell("reboot", {"id": "chaos"})


def told_to_resend(city):
    first = city.random.randrange(200)
    city.tell("resend", {"id": 1, "first": first, "last": first + city.random.randrange(30)})


def told_to_resend_a_time(city):
    start = run.GENERATOR_START_MS // 1000 + city.random.randrange(3 * 86400)
    city.tell("resend", {"from": start, "to": start + city.random.randrange(7200)})


def told_another_period(city):
    config = city.settings()
    config["streams"][0]["period_ms"] = city.random.choice((10_000, 20_000, 30_000))
    city.tell("config", {"id": 2, "config": config})


def told_a_broker_that_is_not_there(city):
    config = city.settings()
    config["broker"]["port"] = free_port()
    city.tell("config", {"id": 3, "config": config})


def told_nonsense(city):
    size = city.random.choice((0, 3, 100, 6000))
    city.tell(city.random.choice(("config", "resend", "dance")), city.random.randbytes(size))


FAULTS = (
    node_killed,
    broker_killed,
    broker_restarted,
    broker_frozen,
    ingest_killed,
    ingest_stopped,
    ingest_frozen,
    database_locked,
    link_cut,
    link_slow,
    link_thin,
    link_half_open,
    link_refused,
    told_to_reboot,
    told_to_resend,
    told_to_resend_a_time,
    told_another_period,
    told_a_broker_that_is_not_there,
    told_nonsense,
)


def wreck(city, seconds, say=lambda text: None):
    """Let faults happen for so long, each kind as often as the others."""
    end = time.monotonic() + seconds
    bag = []
    long = seconds >= 300
    while time.monotonic() < end:
        if not bag:
            bag = list(FAULTS) + [broker_frozen_for_long] * (long and not city.happened)
            city.random.shuffle(bag)
        fault = bag.pop()
        with (city.folder / "faults.log").open("a") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {city.hours():8.2f} h  {fault.__name__}\n")
        fault(city)
        city.happened[fault.__name__] += 1
        say(f"{sum(city.happened.values())} faults, {city.hours() / 24:.1f} days, {fault.__name__}")
        city.rest(0.1, 1.2)


def of_the_node(city):
    """Return a count of what the logs tell: cuts in flash writes, boots, exceptions."""
    text = (city.folder / "node.log").read_text(errors="replace")
    ingest = (city.folder / "ingest.log").read_text(errors="replace")
    return Counter(
        power_cut=text.count("power cut in the middle"),
        boots=text.count("  boot "),
        exceptions=(text + ingest).count("Traceback"),
    )


def _is_listening(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def main(seed=1, minutes=10.0):
    """Run one chaos; return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"kista-chaos-{seed}-"))
    print(f"seed {seed}, {minutes:g} minutes, everything in {folder}")

    def say(text):
        print(f"\r\x1b[K{text}" if sys.stdout.isatty() else text, end="", flush=True)
        if not sys.stdout.isatty():
            print()

    with City(folder, seed) as city:
        city.start("node")
        # Nothing can be done to a node that does not run yet.
        city.wait(lambda: city.hours() > 0, 60)
        wreck(city, 60 * minutes, say)
        say("coming to rest")
        city.come_to_rest()
        missing, hours = city.missing(), city.hours()
        found = city.audit()
    node = of_the_node(city)
    count = city.happened.total() + node["power_cut"]
    print(f"\r{count} faults in {hours / 24:.1f} simulated days, {node['boots']} boots:")
    for name, times in sorted([*city.happened.items(), ("power_cut", node["power_cut"])]):
        print(f"  {times:4} {name.replace('_', ' ')}")
    print(
        f"{found.taken} rows taken, {found.stored} in the database; {found.died} died young "
        f"(at most {found.youngest_death_ms / 1000:.0f} s), {found.missing} missing, "
        f"{found.doubled} doubled; frames missing: {missing or 'none'}; "
        f"{node['exceptions']} exceptions"
    )
    lost = missing or not found.good or found.youngest_death_ms > 60_000
    if not lost and not node["exceptions"]:
        shutil.rmtree(folder)
        return 0
    print(f"seed {seed}: NOT CLEAN; everything is in {folder}")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(*(convert(word) for convert, word in zip((int, float), sys.argv[1:]))))
    except KeyboardInterrupt:
        sys.exit(130)
