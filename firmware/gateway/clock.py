"""Time: an uptime that never wraps, and unix time once somebody trustworthy has told it."""

import struct

from micropython import const

_TICKS_PERIOD = const(1 << 30)
_NTP_BYTES = const(48)
_NTP_PORT = const(123)
_REPLY_WITHIN_MS = const(5000)
_IDLE_MS = const(5000)
_RETRY_MS = const(30 * 1000)
_AGAIN_MS = const(6 * 3600 * 1000)
_STRATUM_MOST = const(15)
# A client may say anything as its transmit time; the server must say it back (RFC 5905, 8).
_COOKIE_BYTES = const(8)
# Seconds from 1900 to 1970, and the era that begins in 2036 (RFC 5905, 6).
_NTP_UNIX_S = 2208988800
_NTP_ERA_S = 1 << 32
# 2010-01-01: a clock that shows less was never set. (Recordings are played at their own time.)
EARLIEST_MS = 1262304000000
# Corrections smaller than this are drift; larger ones are said in health.
_STEP_MS = const(2000)


def parse_ntp(reply, cookie):
    """Return the server's unix time in ms; a ValueError says why it is not to be believed."""
    if len(reply) < _NTP_BYTES:
        raise ValueError("short")
    if reply[24:32] != cookie:
        raise ValueError("not an answer to this question")
    if reply[0] & 7 != 4:
        raise ValueError("mode")
    if reply[0] >> 6 == 3:
        raise ValueError("server is not synchronised")
    if reply[1] == 0:
        raise ValueError("kiss-o'-death " + str(bytes(reply[12:16])))
    if reply[1] > _STRATUM_MOST:
        raise ValueError("stratum")
    seconds, fraction = struct.unpack_from(">II", reply, 40)
    if seconds == 0:
        raise ValueError("zero time")
    if seconds < 1 << 31:
        seconds += _NTP_ERA_S
    unix_ms = (seconds - _NTP_UNIX_S) * 1000 + (fraction * 1000 >> 32)
    if unix_ms < EARLIEST_MS:
        raise ValueError("time before 2010")
    return unix_ms


class Clock:
    """Uptime and unix time of one boot; `servers`: host names of time servers, asked in turn."""

    def __init__(self, hal, servers=()):
        self._hal = hal
        self.servers = servers
        self._ticks = hal.ticks_ms()
        self._uptime = 0
        self._offset = None
        self._asked = None
        self._query = None
        self._cookie = b""
        self._next_ask = 0
        self._turn = 0
        self.source = ""
        self.refused = ""
        self.steps = 0
        self.sleep_ms = hal.sleep_ms
        rtc = hal.rtc_ms()
        if rtc is not None and rtc >= EARLIEST_MS:
            self._offset = rtc
            self.source = "rtc"

    def uptime_ms(self):
        """Milliseconds since this boot; to be called once in 12 days: the ticks wrap at 2^30."""
        ticks = self._hal.ticks_ms()
        self._uptime += (ticks - self._ticks) % _TICKS_PERIOD
        self._ticks = ticks
        return self._uptime

    def unix_ms(self):
        """Milliseconds since 1970 UTC, or None as long as nobody told."""
        if self._offset is None:
            return None
        return self._offset + self.uptime_ms()

    def boot_unix_ms(self):
        """Unix time at uptime 0 of this boot, or None."""
        return self._offset

    def set(self, unix_ms, source):
        """Believe `unix_ms` from now on."""
        offset = unix_ms - self.uptime_ms()
        if self._offset is not None and abs(offset - self._offset) >= _STEP_MS:
            self.steps += 1
        self._offset = offset
        self.source = source
        self._hal.set_rtc_ms(unix_ms)

    def step(self):
        """Ask a time server when it is time to; return ms until the next call."""
        now = self.uptime_ms()
        if self._query is None:
            if not self.servers or now < self._next_ask or not self._hal.link.up():
                return _IDLE_MS
            self._ask(now)
            return 50
        reply = None
        try:
            reply = self._query.recv()
        except OSError as error:
            self._give_up(now, "no answer: %s" % error)
            return 1000
        if reply is None:
            if now - self._asked > _REPLY_WITHIN_MS:
                self._give_up(now, "no answer")
                return 1000
            return 50
        try:
            # Half the round trip is the best guess for how old the server's stamp is by now.
            unix_ms = parse_ntp(reply, self._cookie) + (now - self._asked >> 1)
        except ValueError as error:
            self._give_up(now, str(error))
            return 1000
        self._end_query()
        self._next_ask = now + _AGAIN_MS
        self.refused = ""
        self.set(unix_ms, "ntp")
        return _IDLE_MS

    def _ask(self, now):
        server = self.servers[self._turn % len(self.servers)]
        self._cookie = self._hal.random(_COOKIE_BYTES)
        request = bytearray(_NTP_BYTES)
        request[0] = 0x23
        request[40:48] = self._cookie
        self._asked = now
        try:
            self._query = self._hal.datagram(server, _NTP_PORT)
            self._query.send(request)
        except OSError as error:
            self._give_up(now, "%s: %s" % (server, error))

    def _give_up(self, now, reason):
        self._end_query()
        self._turn += 1
        self._next_ask = now + _RETRY_MS
        self.refused = reason

    def _end_query(self):
        if self._query is not None:
            self._query.close()
            self._query = None
