"""Import this first: `umqtt.simple` 1.3.4 as it is, on CPython; on MicroPython nothing to do."""

import sys

if sys.implementation.name == "cpython":
    import binascii
    import socket
    import struct

    from host_tools import build

    sys.modules.setdefault("usocket", socket)
    sys.modules.setdefault("ustruct", struct)
    sys.modules.setdefault("ubinascii", binascii)
    if str(build.UMQTT.parent.parent) not in sys.path:
        sys.path.append(str(build.UMQTT.parent.parent))
