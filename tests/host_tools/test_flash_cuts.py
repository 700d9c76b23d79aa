"""The power is cut at every program and every erase of a long life of the spool.

`make chaos-flash` (KISTA_CUTS=all) takes every operation in all three forms; `make test` takes a
sample of them, the same each time. A failure prints the operation, the form and the second cut.
"""

import io
import random
import subprocess

import pytest
from flash_life import (
    EVERYTHING,
    FRAMES,
    JOURNAL,
    OFFSETS,
    SEED,
    Clock,
    Life,
    make_spool,
    packed_once,  # noqa: F401 - a fixture
    probes,
)

from gateway.ring import Ring
from host_tools import build
from host_tools.twin import flash

COMMITS = 2000
FORMS = {flash.NOTHING: "nothing", flash.TORN: "torn", flash.DONE: "done"}
# Prime, so that the samples go through all kinds of operations.
STRIDE = 1 if EVERYTHING else 107
# One cut in so many is followed by a second one, at each operation of the recovery.
TWICE = 7 if EVERYTHING else 17
# Each lives the whole life and cuts its share: they run side by side, and one sees them end.
PARTS = 16 if EVERYTHING else 1


class Cutter:
    """Cuts copies of a life's flash, at one operation in STRIDE, and checks what is left.

    Of these operations it takes one in PARTS, from the `part`-th on.
    """

    def __init__(self, part=0):
        self.cuts = 0
        self.second_cuts = 0
        self._part = part

    def __call__(self, life, number, name, offset, data):
        # Erases are few; take a larger share of them.
        stride = STRIDE if data is not None else min(STRIDE, 5)
        if number % stride or number // stride % PARTS != self._part:
            return
        for form in FORMS:
            seed = number * 3 + form + 1
            where = f"operation {number} ({name} {offset}), {FORMS[form]}"
            image = _cut(life.image, name, offset, data, form, seed)
            self.cuts += 1
            if (number // STRIDE * 3 + form) % TWICE == 0:
                self._cut_again(life, image, where)
            spool = life.check(image, where)
            if self.cuts % 5 == 0:
                life.check_it_goes_on(spool, image, where)

    def _cut_again(self, life, before, where):
        """Cut each operation of the recovery as well."""
        image = io.BytesIO(before.getvalue())
        # What one operation leaves when it is done is what the next one finds.
        checked = set()

        def operation(name, offset, data):
            for form in FORMS:
                copy = _cut(image, name, offset, data, form, chip.operations + 1)
                if copy.getvalue() in checked:
                    continue
                checked.add(copy.getvalue())
                self.second_cuts += 1
                again = f"{where}; then operation {chip.operations} of recovery, {FORMS[form]}"
                life.check(copy, again)

        chip = flash.Nor(image, OFFSETS)
        make_spool(probes(chip, operation), 98, Clock()).mount()


def _cut(image, name, offset, data, form, seed):
    """Return a copy of the flash in which the operation was hit by a cut."""
    copy = io.BytesIO(image.getvalue())
    chip = flash.Nor(copy, OFFSETS)
    chip.cut_at(0, form, seed)
    part = chip.partitions[name]
    with pytest.raises(flash.PowerCut):
        part.erase(offset) if data is None else part.program(offset, data)
    return copy


@pytest.mark.slow(10)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_cut_of_the_power_loses_or_doubles_a_committed_row(
    packed_once,  # noqa: F811
    part,
):
    cutter = Cutter(part)
    life = Life(cutter)
    life.live(COMMITS)
    print(life.operations, "operations,", cutter.cuts, "cuts,", cutter.second_cuts, "second cuts")
    assert life.chip.erases >= 2 * (JOURNAL + FRAMES) // flash.SECTOR, "both rings went round"
    assert life.spool.lost(), "frames gave way"


# Writes records and says so, until it is killed.
WRITER = """
import sys
from gateway.ring import Ring
from host_tools.twin import flash

file = open(sys.argv[1], "r+b")
ring = Ring(flash.Nor(file, {"spool": (0, %d)}).partitions["spool"])
ring.mount()
while True:
    ident = ring.append(bytes(ring.next_id * 31 + i & 255 for i in range(300)))
    print("a", ident)
    ring.step()
    if ident %% 3:
        ring.ack(ident - 2)
        print("d", ident - 2)
"""


@pytest.mark.slow
def test_killing_the_process_is_a_power_cut_like_any_other(tmp_path):
    image = tmp_path / "flash"
    image.write_bytes(b"\xff" * FRAMES)
    script = tmp_path / "writer.py"
    script.write_text(WRITER % FRAMES)
    environment = {"MICROPYPATH": f"{build.FIRMWARE}:{build.ROOT}:.frozen"}
    draw = random.Random(SEED)
    written = -1
    for kill in range(10):
        command = [*build.micropython("96k"), str(script), str(image)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        said = "".join(process.stdout.readline() for _ in range(draw.randrange(1, 100)))
        # By now it is somewhere further on.
        process.kill()
        for line in (said + process.communicate()[0]).splitlines():
            what, _, ident = line.partition(" ")
            if ident.isdigit() and what == "a":
                written = max(written, int(ident))
        with image.open("rb") as file:
            chip = flash.Nor(io.BytesIO(file.read()), {"spool": (0, FRAMES)})
        ring = Ring(chip.partitions["spool"])
        ring.mount()
        lost = {i for first, last in ring.gaps() for i in range(first, last + 1)}
        assert written < ring.next_id, f"kill {kill}"
        for ident in range(ring.oldest(), written + 1):
            kind_and_payload = ring.read(ident)
            assert kind_and_payload is not None or ident in lost, f"kill {kill}: record {ident}"
            if kind_and_payload is not None:
                expected = bytes(ident * 31 + i & 255 for i in range(300))
                assert kind_and_payload[1] == expected, f"kill {kill}: record {ident}"
    assert written > 100
