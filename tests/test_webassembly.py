"""The codec and the sound meter on MicroPython's WebAssembly port: 31-bit integers, as on chips."""

import binascii
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway import frame
from host_tools import build
from random_frames import random_frame

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "webassembly"
HOME = build.ROOT / "build" / "webassembly"
PACKAGE = HOME / "node_modules" / "@micropython" / "micropython-webassembly-pyscript"
FRAMES = 60


@pytest.fixture(scope="module")
def package() -> Path:
    """Return the folder of the port, fetched once with npm; skips where that cannot be."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    if not PACKAGE.exists():
        npm = shutil.which("npm")
        if not npm:
            pytest.skip("npm is not installed, which fetches MicroPython's WebAssembly port")
        HOME.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, HOME / name)
        command = [npm, "ci", "--silent", "--no-audit", "--no-fund"]
        result = subprocess.run(command, cwd=HOME, capture_output=True, text=True)
        if result.returncode:
            pytest.skip(f"npm cannot fetch MicroPython's WebAssembly port: {result.stderr[-200:]}")
    return PACKAGE


@pytest.mark.slow(15)
def test_the_codec_passes_its_tests_and_gives_the_same_bytes_with_31_bit_integers(
    package, tmp_path
):
    seed = random.randrange(1 << 20)
    script = tmp_path / "script.py"
    script.write_text(f"SEED = {seed}\n" + (SOURCE / "frames.py").read_text())
    folders = [build.FIRMWARE, HERE / "firmware", HERE]
    result = subprocess.run(
        ["node", SOURCE / "run.mjs", package, script, *folders],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"smallint {(1 << 31) - 1}"
    assert "ok test_rangecoder_needs_no_heap_for_numbers_within_28_bits" in lines
    assert "ok test_noise_stays_below_2_to_the_30_whatever_comes" in lines
    assert "ok test_frame_bytes_are_those_of_the_golden_vectors" in lines
    told = [line for line in lines if line.startswith("frame ")]
    wanted = []
    for number in range(seed, seed + FRAMES):
        data = frame.encode(random_frame(number))
        wanted.append(f"frame {number} {binascii.crc32(data)} {len(data)}")
    assert told == wanted, f"seed {seed}"
