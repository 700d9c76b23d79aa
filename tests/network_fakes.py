"""A modem, an Ethernet controller and a clock as MicroPython's `network` and `time` show them."""


class Time:
    """Wraps where the chip's wraps."""

    _WRAP = 1 << 30

    def __init__(self, start=(1 << 30) - 20000):
        self.now = start

    def ticks_ms(self):
        return self.now % self._WRAP

    def ticks_add(self, ticks, ms):
        return (ticks + ms) % self._WRAP

    def ticks_diff(self, a, b):
        half = self._WRAP // 2
        return (a - b + half) % self._WRAP - half


class Modem:
    """Both ends of its UART: what the firmware reads and writes, and PPP once it is on line.

    `answers`: {start of a command: answer}, which a test may change at any time.
    """

    AUTH_PAP = 1

    def __init__(self, time, powered=True):
        self.time = time
        self.powered = powered
        self.on_line = False
        self.connected = False
        self.gives_address = True
        self.asked = []
        self.logins = []
        self.presses = 0
        self.escaped = 0
        self.answers = {
            "ATE0": "OK",
            "AT+CPIN?": "+CPIN: READY\r\n\r\nOK",
            "AT+CGDCONT": "OK",
            "AT+CSQ": "+CSQ: 20,99\r\n\r\nOK",
            "AT+CEREG": "+CEREG: 0,1\r\n+CGREG: 0,0\r\n\r\nOK",
            "ATD": "CONNECT 115200",
        }
        self._out = b""
        self._pressed_at = None
        self._typed_at = time.now

    # The UART

    def any(self):
        return len(self._out)

    def read(self, most):
        # In pieces, as they come.
        piece = self._out[: min(most, 7)]
        self._out = self._out[len(piece) :]
        return piece

    def write(self, text):
        quiet_ms = self.time.now - self._typed_at
        self._typed_at = self.time.now
        if not self.powered:
            return
        if text == "+++":
            if self.on_line and quiet_ms >= 1000:
                self.on_line = False
                self.escaped += 1
            return
        if self.on_line:
            return
        command = text.rstrip("\r")
        self.asked.append(command)
        for start, answer in self.answers.items():
            if command.startswith(start) and answer:
                self._out += b"\r\n" + answer.encode() + b"\r\n"
                self.on_line = answer.startswith("CONNECT")

    # Its power key

    def press(self, on):
        if on:
            self._pressed_at = self.time.now
        elif self._pressed_at is not None:
            self.presses += 1
            if self.time.now - self._pressed_at >= 1000:
                self.powered = not self.powered
                self.on_line = False

    # PPP

    def active(self, on):
        if not on:
            self.connected = self.on_line = False

    def connect(self, **login):
        self.logins.append(login)
        self.connected = self.on_line and self.gives_address

    def isconnected(self):
        return self.connected


class Lan:
    """`network` with an Ethernet controller; `status_now` and `answers` are a test's."""

    ETH_STARTED, ETH_CONNECTED, ETH_GOT_IP = 1, 3, 5
    PHY_LAN8710 = 0

    def __init__(self, answers=True):
        self.answers = answers
        self.status_now = self.ETH_STARTED
        self.is_active = False
        self.made = None

    def LAN(self, **made):
        self.made = made
        if not self.answers:
            raise OSError("esp_eth_driver_install failed")
        return self

    def active(self, on):
        self.is_active = on

    def isconnected(self):
        return self.is_active and self.status_now == self.ETH_GOT_IP

    def status(self):
        return self.status_now


class Pin:
    IN, OUT = 1, 3

    def __new__(cls, number):
        return "pin %d" % number
