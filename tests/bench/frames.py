"""The frame beside its peers, on the same rows: bytes per value, and values a second.

    make bench-frames [CSV="FILE …"]

Without CSV: a generated log, and the recordings beside the project where there are any; the chart
docs/frames.svg is then written anew.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame
from host_tools import build, codec
from tests.bench import chart, limit, logs, peers

ROWS = (96, 16, 6)
SCHEMA = b"ab"
SECONDS = 0.4
MICROPYTHON = Path(__file__).with_name("on_micropython.py")


class Frame:
    """The frame, by the code that runs on the device."""

    name = "Kista frame"

    def encode(self, shape, times, cells):
        return frame.encode(frame.Frame(SCHEMA, None, None, 1, None, times, cells))

    def decode(self, shape, data):
        one = frame.decode(data)
        return one.times, one.columns


def pieces(log: logs.Log, rows: int) -> list[tuple[list[int], list[list[int]]]]:
    """Return the log in frames of `rows`: (times, columns) each."""
    return [
        (log.times[i : i + rows], [column[i : i + rows] for column in log.cells])
        for i in range(0, len(log.times), rows)
    ]


def size(peer, log: logs.Log, rows: int) -> float:
    """Return bytes per value; what does not come back equal is an error."""
    shape = peers.Shape([name for name, _ in log.columns], [places for _, places in log.columns])
    total = 0
    for times, cells in pieces(log, rows):
        data = peer.encode(shape, times, cells)
        if (times, cells) != tuple(map(list, peer.decode(shape, data))):
            raise AssertionError(f"{peer.name}: {log.name} does not come back")
        total += len(data)
    return total / (len(log.times) * len(log.cells))


def speed(peer, log: logs.Log, rows: int = ROWS[0]) -> tuple[float, float]:
    """Return values a second, (encoding, decoding), the best of several rounds."""
    shape = peers.Shape([name for name, _ in log.columns], [places for _, places in log.columns])
    some = pieces(log, rows)[:8]
    values = sum(len(times) * len(cells) for times, cells in some)
    packed = [peer.encode(shape, *one) for one in some]
    return (
        values / _best(lambda: [peer.encode(shape, *one) for one in some]),
        values / _best(lambda: [peer.decode(shape, data) for data in packed]),
    )


def _best(work) -> float:
    """Return the seconds of the fastest call."""
    fastest, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        work()
        fastest = min(fastest, time.perf_counter() - began)
    return fastest


def bulk_speed(log: logs.Log) -> tuple[float, float] | None:
    """Return values a second of the compiled codec, or None where it is not installed."""
    if not codec.bulk or not codec.bulk.walk:
        return None
    some = [
        frame.Frame(SCHEMA, None, None, 1, None, times, cells)
        for times, cells in pieces(log, ROWS[0])
    ]
    packed = codec.encode(some) * 10
    values = len(log.times) * len(log.cells)
    codec.bulk.decode(packed)
    return (
        values / _best(lambda: codec.encode(some)),
        10 * values / _best(lambda: codec.bulk.decode(packed)),
    )


def on_micropython(log: logs.Log, native: bool) -> tuple[float, float]:
    """Return µs a value on MicroPython's unix port: (frame, json.dumps of a message a row)."""
    times, cells = pieces(log, ROWS[0])[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {n: p for n, p in build.device_files().items() if n.startswith("gateway/")}
        build.compile_files(files, folder, build.host_arch() if native else None, alone=False)
        (folder / "rows.py").write_text(
            f"times = {times}\ncells = {cells}\ncolumns = {log.columns}\n"
        )
        result = subprocess.run(
            [*build.micropython("8M"), str(MICROPYTHON)],
            env={"MICROPYPATH": f"{folder}:.frozen"},
            capture_output=True,
            text=True,
            check=True,
        )
    ours, theirs = map(float, result.stdout.split())
    return ours, theirs


def _sizes(console: Console, log: logs.Log) -> dict[str, list[float]]:
    found = {}
    table = Table("bytes per value", *(f"{rows} rows" for rows in ROWS), title=log.name)
    for peer in [*peers.PEERS, Frame()]:
        found[peer.name] = [size(peer, log, rows) for rows in ROWS]
        style = "bold" if isinstance(peer, Frame) else None
        table.add_row(peer.name, *(f"{one:.3f}" for one in found[peer.name]), style=style)
    whole = size(peers.PEERS[-1], log, len(log.times))
    table.add_row("delta + LZMA, all rows at once", f"{whole:.3f}", "", "", style="dim")
    least = f"{limit.bytes_per_value(log):.3f}"
    table.add_row("values alone, the best static model in hindsight", least, "", "", style="dim")
    console.print(table)
    return found


def _speeds(console: Console, log: logs.Log) -> None:
    table = Table("thousand values a second, CPython", "encode", "decode", title=log.name)
    for peer in [*peers.PEERS, Frame()]:
        table.add_row(peer.name, *(f"{one / 1e3:,.0f}" for one in speed(peer, log)))
    compiled = bulk_speed(log)
    if compiled:
        table.add_row("Kista frame, compiled", *(f"{one / 1e3:,.0f}" for one in compiled))
    else:
        table.add_row("Kista frame, compiled", "not installed", "")
    console.print(table)
    table = Table("µs a value, MicroPython (unix)", "frame", "json.dumps", "ratio", title=log.name)
    for name, native in (("bytecode", False), ("machine code", True)):
        if native and not build.host_arch():
            continue
        ours, theirs = on_micropython(log, native)
        table.add_row(name, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}")
    console.print(table)


def main(paths: list[str]) -> None:
    """Print the tables; write the chart unless CSV files were given."""
    console = Console()
    if paths:
        chosen = [logs.from_csv(Path(path)) for path in paths]
    else:
        found = (logs.still(), logs.generated(), logs.sds011(), logs.traffic())
        chosen = [log for log in found if log]
    sizes = {log.name: _sizes(console, log) for log in chosen}
    _speeds(console, chosen[0])
    if not paths:
        target = build.ROOT / "docs" / "frames.svg"
        target.write_text(chart.draw(sizes, ROWS))
        console.print(f"wrote {target.relative_to(build.ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
