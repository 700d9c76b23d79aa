"""Run `test_*` functions of one device test file on MicroPython: runner.py FILE.

Each line of standard input names one; the line that ends its output says how it went.
"""

import sys

PASSED = "== passed"
FAILED = "== failed"


def _serve(path):
    folder, name = path.rsplit("/", 1)
    # In the place of this file's folder, in which `drivers` are tests and not the drivers.
    sys.path[0] = folder
    module = __import__(name[:-3])
    for line in sys.stdin:
        try:
            getattr(module, line.strip())()
            print(PASSED)
        except BaseException as error:
            # The next one is run all the same.
            sys.print_exception(error)
            print(FAILED)


if __name__ == "__main__":
    _serve(sys.argv[1])
