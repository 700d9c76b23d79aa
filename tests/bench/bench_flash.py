"""Eight practice boards at once beside one, at the speed of a serial line: bench_flash.py [SVG]

The boards take their bytes at the baud rate that esptool sets, so that the line is what takes the
time, as with real ones; their flash erases and writes at once, which real flash does not. With SVG
(a file), the picture of a tray in the middle of it, with two faulty boards, and no figures.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from host_tools.workshop import image_file, writer
from host_tools.workshop.tray import Tray
from host_tools.workshop.view import View, sentence

KISTA = [sys.executable, "-c", "from host_tools.cli import main; main()"]
BOARDS = 8
RATIO_MOST = 1.5
STARTS_WITHIN_S = 60
PICTURE_AT, WIDTH = 0.66, 100
SVG = (
    '<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">'
    "<style>{styles} .{unique_id}-matrix {{ font-family: Menlo, Consolas, 'DejaVu Sans Mono', "
    "monospace; font-size: {char_height}px; line-height: {line_height}px }} "
    ".{unique_id}-title {{ font-family: sans-serif; font-size: 18px }}</style>"
    '<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" '
    'height="{terminal_height}"/></clipPath>{lines}</defs>{chrome}'
    '<g transform="translate({terminal_x}, {terminal_y})" '
    'clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}'
    '<g class="{unique_id}-matrix">{matrix}</g></g></svg>'
)


@contextlib.contextmanager
def practice(folder, *arguments):
    """Have practice boards plugged in; yield their ports."""
    command = [*KISTA, "practice", "-n", str(BOARDS), "--paced", *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    ports = [folder / "practice" / f"board-{n}" for n in range(1, BOARDS + 1)]
    try:
        end = time.monotonic() + STARTS_WITHIN_S
        while not all(port.exists() for port in ports):
            assert time.monotonic() < end and process.poll() is None, "no practice boards"
            time.sleep(0.1)
        yield [str(port) for port in ports]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def made(folder):
    """Return the image to write, of what stands in for MicroPython beside the boards."""
    command = ["image", "--board", "esp32_generic", "-o", "node.img"]
    command += ["--micropython", "practice/micropython.bin"]
    subprocess.run([*KISTA, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return image_file.read(folder / "node.img")


def measure(folder):
    """Flash one, then all; print what it took; return whether that is within the goal."""
    with practice(folder) as ports:
        image = made(folder)
        with Tray(image, lambda board: None) as tray:
            wire = sum(tray.writer.wire.values())
            print(f"{wire} bytes a board at {writer.BAUDRATE} baud: at least", end=" ")
            print(f"{wire * 10 / writer.BAUDRATE:.1f} s; load {os.getloadavg()[0]:.1f}")
            took = []
            for chosen in (ports[:1], ports):
                start = time.monotonic()
                boards = tray.flash(chosen)
                took.append(time.monotonic() - start)
                bad = [board.why for board in boards if not board.good]
                assert not bad, bad
                print(f"{len(chosen)} at once: {took[-1]:.1f} s")
    ratio = took[1] / took[0]
    print(f"ratio {ratio:.2f}, goal at most {RATIO_MOST}; load {os.getloadavg()[0]:.1f}")
    return ratio <= RATIO_MOST


def picture(folder, out):
    """Write what is seen when the first board is at two thirds."""
    about = {"file": io.StringIO(), "width": WIDTH, "force_terminal": True}
    screen = Console(record=True, soft_wrap=True, highlight=False, **about)
    with practice(folder, "--fault", "3:chip", "--fault", "5:dies@40") as ports:
        image = made(folder)
        view = View(Console(**about))

        def changed(board):
            if board.done and board.why:
                screen.print(sentence(board), style="red")
            view.changed(board)

        with view, Tray(image, changed) as tray:
            chosen = [os.path.relpath(port) for port in ports]
            thread = threading.Thread(target=tray.flash, args=(chosen,))
            thread.start()
            while thread.is_alive():
                if max((task.completed for task in view.progress.tasks), default=0) > PICTURE_AT:
                    break
                time.sleep(0.2)
            screen.print(view.progress.get_renderable())
            thread.join()
    out.write_text(screen.export_svg(title="kista flash --all --image node.img", code_format=SVG))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="kista-") as name:
        if len(sys.argv) > 1:
            out = Path(sys.argv[1]).resolve()
            os.chdir(name)
            picture(Path(name), out)
        else:
            sys.exit(0 if measure(Path(name)) else 1)
