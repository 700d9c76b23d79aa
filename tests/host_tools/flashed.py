"""Images of nodes on a stock file of our own, and the real esptool on a port."""

import os
import subprocess
import sys
from pathlib import Path

from host_tools import boards, image
from host_tools.practice.stock_file import stock

HASTY = {"ESPTOOL_CFGFILE": str(Path(__file__).with_name("esptool.cfg"))}


def node_image(folder, name="esp32_generic", config=None, size=50_000):
    """Return the path of a whole image, and the image."""
    board = boards.load(name)
    path = folder / "stock.bin"
    path.write_bytes(stock(board["chip"], size=size))
    made = image.make(board, path, config)
    out = folder / f"{name}.img"
    out.write_bytes(made.whole())
    return out, made


def esptool(port, *arguments, chip="esp32"):
    """Return (exit code, output) of one run."""
    command = [sys.executable, "-m", "esptool", "--chip", chip, "--port", port]
    result = subprocess.run(
        [*command, *map(str, arguments)],
        env=os.environ | HASTY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return result.returncode, result.stdout + result.stderr
