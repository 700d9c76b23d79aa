"""The codec's own tests, the sound meter's, and the bytes of many random frames, on a 32-bit
MicroPython.
"""

import binascii
import sys

import test_frame
import test_noise
import test_rangecoder

from gateway import frame
from random_frames import random_frame

FRAMES = 60

print("smallint", sys.maxsize)
for module in (test_frame, test_noise, test_rangecoder):
    for name in sorted(dir(module)):
        if name.startswith("test_"):
            getattr(module, name)()
            print("ok", name)
for number in range(FRAMES):
    data = frame.encode(random_frame(SEED + number))  # noqa: F821 - written before this script
    print("frame", SEED + number, binascii.crc32(data), len(data))  # noqa: F821
