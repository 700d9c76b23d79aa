"""Two months in the life of a node: does its heap shrink, does anything fail?

    python tests/host_tools/soak.py [DAYS] [SEED]

Runs a node with six sensors in the twin, as fast as it goes, with outages of the network every day
or so, a broker and `kista ingest`. Prints how much of the heap was free on each day, after a
collection. Exit code 1 when that is more than 2 % less on the last day than on the first, when
the node raised an exception or booted again, or when a row is missing or doubled.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

from chaos import NODE, City

from host_tools.twin import run
from host_tools.urls import Broker

SHRINKS_MOST = 0.02
# From the end of an outage to the next one, on average.
OUTAGE_EVERY_DAYS = 0.8
CONFIG = {
    "streams": [
        {
            "name": "air",
            "period_ms": 10_000,
            "sensors": [
                {"driver": "sds011", "bus": "uart1"},
                {"driver": "sds011", "bus": "uart3", "name": "second"},
                {"driver": "bme280", "bus": "i2c0"},
                {"driver": "bme280", "bus": "i2c0", "name": "roof", "address": 0x77},
                {"driver": "bme280", "bus": "i2c1", "name": "box"},
            ],
        },
        {
            "name": "traffic",
            "period_ms": 300_000,
            "sensors": [{"driver": "ld2451", "bus": "uart2"}],
        },
    ]
}


class Diary:
    """What the node said: (least, most) bytes free by day, boots, what was on its console."""

    def __init__(self, day_hours, say):
        self.days = []
        self.boots = 0
        self.console = ""
        self._day_hours = day_hours
        self._say = say
        self._hours = []

    def __call__(self, event):
        if event["event"] == "hour":
            self._hours.append(event["free"])
            if not len(self._hours) % self._day_hours:
                self._end_day()
        elif event["event"] == "boot":
            self.boots += 1
        elif event["event"] == "console":
            self.console += event["text"]

    def _end_day(self):
        # What is made once is made in the first hour.
        least, most = zip(*self._hours[1:][-self._day_hours :], strict=True)
        self.days.append((min(least), max(most)))
        self._say(f"day {len(self.days)}: {min(least)} to {max(most)} bytes of the heap were free")

    def shrunk(self):
        """Return by how much the heap's free part has shrunk from the first day to the last."""
        first, last = self.days[0][1], self.days[-1][1]
        return (first - last) / first


def outages(days, day_hours, seed):
    """Return [(from, to), …] in hours: most last a quarter of a day at most, one in ten a day."""
    chance = random.Random(seed)
    found, begin = [], 0.5
    while True:
        begin += chance.expovariate(1 / OUTAGE_EVERY_DAYS)
        end = begin + (1 if chance.random() < 0.1 else chance.uniform(0.01, 0.25))
        # The first and the last day are compared.
        if end > days - 1:
            return found
        if begin > 1:
            found.append((begin * day_hours, end * day_hours))
        begin = end


def main(days=60, seed=1, day_hours=24, say=print):
    """Run one soak of days of so many hours; return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="kista-soak-"))
    diary = Diary(day_hours, say)
    with City(folder, seed) as city:
        plan = run.Plan(
            NODE,
            Broker("127.0.0.1", city.port),
            city.flash,
            seed=seed,
            hours=float(day_hours * days),
            config=CONFIG,
            outages=outages(days, day_hours, seed),
            heap="96wk",
        )
        say(f"{days} days, seed {seed}, {len(plan.outages)} outages, everything in {folder}")
        run.run(plan, diary)
        city.wait(lambda: not city.missing() and city.audit().good, 20)
        found = city.audit()
    say(
        f"{found.taken} rows taken, {found.stored} in the database, {found.missing} missing, "
        f"{found.doubled} doubled; {diary.boots} boot; the free heap has shrunk by "
        f"{diary.shrunk():.2%}"
    )
    if diary.console:
        say(diary.console)
    if found.good and diary.boots == 1 and not diary.console and diary.shrunk() <= SHRINKS_MOST:
        shutil.rmtree(folder)
        return 0
    say("NOT CLEAN")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(*map(int, sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(130)
