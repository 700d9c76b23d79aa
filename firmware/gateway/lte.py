"""LTE by a modem on a UART: AT commands (3GPP TS 27.007) until it is on line, then PPP."""

from micropython import const

# A modem may need this long for a network that it has never seen.
_REGISTER_WITHIN_MS = const(180 * 1000)
_CONNECT_WITHIN_MS = const(30 * 1000)
_ANSWER_WITHIN_MS = const(2000)
_DIAL_WITHIN_MS = const(60 * 1000)
# After its key was pressed.
_START_TAKES_MS = const(10 * 1000)
# Before and after the three characters that end the data mode (ITU-T V.250: at least 1 s).
_GUARD_MS = const(1200)
_AGAIN_MS = const(2000)
_LATER_MS = const(10 * 1000)
_TICK_MS = const(50)
_SILENT_MOST = const(4)
_READ_MOST = const(128)
_ANSWER_MOST = const(256)
_ENDS = (b"OK\r", b"ERROR", b"CONNECT", b"NO CARRIER", b"NO DIALTONE", b"BUSY")
_UNKNOWN_CSQ = const(99)


class Lte:
    """`uart`, `ppp` (MicroPython's, on that UART), `press(on)`: the modem's power key.

    `settings`: apn, user and password of the configuration; `press_ms`: how long the key wants.
    """

    patience_ms = 2 * _REGISTER_WITHIN_MS

    def __init__(self, uart, ppp, press, time, settings, press_ms):
        self._uart = uart
        self._ppp = ppp
        self._press = press
        self._time = time
        self._settings = settings
        self._press_ms = press_ms
        self._why = "modem not asked yet"
        self._rssi = None
        self._dialled = False
        self._silent = 0
        self._since = 0
        self._until = 0
        self._answer = b""
        self._do = self._rest
        self._then = None

    def start(self):
        self._silent = 0
        self._do = self._call

    def step(self):
        return self._do()

    def stop(self):
        self._hang_up()
        self._do = self._rest

    def up(self):
        return self._dialled and self._ppp.isconnected()

    def why(self):
        return "" if self.up() else self._why

    def rssi(self):
        return self._rssi

    # What a step can be

    def _rest(self):
        return 1000

    def _wait(self, duration_ms, then):
        self._until = self._time.ticks_add(self._time.ticks_ms(), duration_ms)
        self._then = then
        self._do = self._waiting

    def _waiting(self):
        left = self._time.ticks_diff(self._until, self._time.ticks_ms())
        if left > 0:
            return min(left, 1000)
        return self._then()

    def _ask(self, command, then, within_ms=_ANSWER_WITHIN_MS):
        """Send a command; `then(answer)` with its bytes, or None when none came."""
        while self._uart.any():
            # What it said unasked.
            self._uart.read(_READ_MOST)
        self._uart.write(command + "\r")
        self._answer = b""
        self._until = self._time.ticks_add(self._time.ticks_ms(), within_ms)
        self._then = then
        self._do = self._listening
        return _TICK_MS

    def _listening(self):
        data = self._uart.read(_READ_MOST) if self._uart.any() else None
        if data:
            self._answer = (self._answer + data)[-_ANSWER_MOST:]
        for end in _ENDS:
            if end in self._answer:
                return self._then(self._answer)
        if self._time.ticks_diff(self._until, self._time.ticks_ms()) < 0:
            return self._then(None)
        return _TICK_MS

    # From silence to a connection

    def _call(self):
        return self._ask("ATE0", self._called, 500)

    def _called(self, answer):
        if answer and b"OK" in answer:
            self._silent = 0
            return self._ask("AT+CPIN?", self._saw_sim)
        self._silent += 1
        if self._silent == _SILENT_MOST:
            # It may still be on line, from before a reset.
            self._wait(_GUARD_MS, self._escape)
        elif self._silent > 2 * _SILENT_MOST:
            self._why = "modem does not answer"
            return self._press_key()
        else:
            return self._call()
        return _TICK_MS

    def _escape(self):
        self._uart.write("+++")
        self._wait(_GUARD_MS, self._call)
        return _TICK_MS

    def _press_key(self):
        self._silent = 0
        self._press(1)
        self._wait(self._press_ms, self._release_key)
        return _TICK_MS

    def _release_key(self):
        self._press(0)
        self._wait(_START_TAKES_MS, self._call)
        return _TICK_MS

    def _saw_sim(self, answer):
        if answer and b"READY" in answer:
            self._since = self._time.ticks_ms()
            # Quotation marks would end the name.
            apn = self._settings["apn"].replace('"', "")
            return self._ask('AT+CGDCONT=1,"IP","%s"' % apn, self._set_apn)
        needs_pin = answer and b"SIM P" in answer
        self._why = "SIM card wants its PIN" if needs_pin else "no SIM card"
        self._wait(_LATER_MS, self._call)
        return _TICK_MS

    def _set_apn(self, answer):
        if not answer or b"OK" not in answer:
            self._why = "modem refuses the APN"
            self._wait(_LATER_MS, self._call)
            return _TICK_MS
        return self._ask("AT+CSQ", self._heard_strength)

    def _heard_strength(self, answer):
        csq = _number(answer, b"+CSQ:", 0)
        if csq is not None:
            self._rssi = None if csq == _UNKNOWN_CSQ else 2 * csq - 113
        # LTE, and what is older.
        return self._ask("AT+CEREG?;+CGREG?", self._heard_network)

    def _heard_network(self, answer):
        states = (_number(answer, b"+CEREG:", 1), _number(answer, b"+CGREG:", 1))
        if 1 in states or 5 in states:
            self._why = "LTE: no connection yet"
            return self._ask("ATD*99#", self._dialled_up, _DIAL_WITHIN_MS)
        self._why = "LTE: network refuses the SIM card" if 3 in states else "LTE: no network"
        if self._time.ticks_diff(self._time.ticks_ms(), self._since) > _REGISTER_WITHIN_MS:
            # Off, and then on again as it is silent.
            return self._press_key()
        self._wait(_AGAIN_MS, self._look)
        return _TICK_MS

    def _look(self):
        return self._ask("AT+CSQ", self._heard_strength)

    def _dialled_up(self, answer):
        if not answer or b"CONNECT" not in answer:
            self._why = "LTE: no data connection; is the APN right?"
            self._wait(_LATER_MS, self._call)
            return _TICK_MS
        self._dialled = True
        try:
            self._ppp.active(True)
            user = self._settings.get("user")
            if user:
                password = self._settings.get("password", "")
                self._ppp.connect(authmode=self._ppp.AUTH_PAP, username=user, password=password)
            else:
                self._ppp.connect()
        except OSError as error:
            self._why = "PPP: %s" % error
            return self._hang_up()
        self._until = self._time.ticks_add(self._time.ticks_ms(), _CONNECT_WITHIN_MS)
        self._do = self._connecting
        return _TICK_MS

    def _connecting(self):
        if self._ppp.isconnected():
            self._do = self._connected
        elif self._time.ticks_diff(self._until, self._time.ticks_ms()) < 0:
            self._why = "LTE: no address; are APN, user and password right?"
            return self._hang_up()
        return 500

    def _connected(self):
        if self._ppp.isconnected():
            return 1000
        self._why = "LTE: connection lost"
        return self._hang_up()

    def _hang_up(self):
        """Leave PPP; it may take the port up to 8 s (1.24) when the other end is gone."""
        if self._dialled:
            self._dialled = False
            self._ppp.active(False)
        self._silent = _SILENT_MOST - 1
        self._do = self._call
        return _TICK_MS


def _number(answer, name, place):
    """Return the number at a place behind a name in an answer, None when there is none."""
    at = answer.find(name) if answer else -1
    if at < 0:
        return None
    line = answer[at + len(name) :].split(b"\r")[0].split(b",")
    try:
        return int(line[place])
    except (IndexError, ValueError):
        return None
