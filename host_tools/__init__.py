"""Tools that run on a PC or a server.

The same frame, schema and driver files run on the ESP32 and here; what CPython lacks of
MicroPython's built-in modules is settled in this one place.
"""

import sys

if sys.implementation.name == "cpython" and "micropython" not in sys.modules:
    import types

    _micropython = types.ModuleType(
        "micropython", "MicroPython's built-in module, as CPython sees it"
    )
    _micropython.const = lambda value: value
    _micropython.native = _micropython.viper = lambda function: function
    sys.modules["micropython"] = _micropython
