"""Run the `test_*` functions of one device test file on MicroPython: runner.py FILE [NAME]."""

import sys


def _run(path, only):
    folder, name = path.rsplit("/", 1)
    # In the place of this file's folder, in which `drivers` are tests and not the drivers.
    sys.path[0] = folder
    module = __import__(name[:-3])
    for name in sorted(dir(module)):
        if name.startswith("test_") and only in (None, name):
            getattr(module, name)()
            print("ok", name)


_run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
