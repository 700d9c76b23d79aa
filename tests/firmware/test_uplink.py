import json

import umqtt_cpython  # noqa: F401 - before the firmware: it makes umqtt.simple importable

# isort: split
from gateway.uplink import Uplink
from link_fakes import CONFIG, Clock, Conn, Hal, Resends, Spool, message

COMMAND = b"kista/1/n1/command/"


def make(conns, frames=0, commands=None):
    hal = Hal(conns)
    spool = Spool(frames)
    spool.resends = Resends()
    uplink = Uplink(
        hal,
        Clock(hal),
        CONFIG,
        spool,
        spool.resends,
        [(b"\x01\x02\x03\x04", b"{}")],
        lambda: b'{"rows":1}',
        commands or {},
    )
    return hal, spool, uplink


def run(hal, uplink, ms):
    end = hal.ticks + ms
    while hal.ticks < end:
        hal.advance(uplink.step())


def test_uplink_announces_itself_and_delivers_every_frame_even_byte_by_byte():
    for piece in (1, 7, 1000):
        conn = Conn(piece=piece)
        hal, spool, uplink = make([conn], 40)
        # One byte at a time is a link of 50 B/s.
        run(hal, uplink, 300 * 1000)
        assert sorted(spool.acked) == list(range(40)), piece
        assert not uplink.stats()["reconnects"]
        connect = conn.packets[0]
        assert connect[:2] == bytes([0x10, len(connect) - 2]) and b"MQTT\x04" in connect
        # Will, retained, at QoS 1; the session stays.
        assert connect[9] == 0x2C and b'{"state":"offline"}' in connect
        assert conn.published(b"/status")[0][:3] == (
            b"kista/1/n1/status",
            b'{"state":"online"}',
            3,
        )
        assert conn.published(b"/schema/01020304")[0][1:3] == (b"{}", 3)
        assert conn.published(b"/health")[0][1:3] == (b'{"rows":1}', 3)
        assert uplink.stats()["state"] == "online" and uplink.stats()["inflight"] == 0


def test_uplink_sends_live_and_backlog_by_turns():
    conn = Conn(answers=False)
    hal, spool, uplink = make([conn], 40)
    run(hal, uplink, 1000)
    first = [one[1][0] for one in conn.published(b"/frames")]
    assert first[:4] == [39, 0, 1, 2] and len(first) == 32 and not spool.acked
    conn.answers = True
    conn.incoming += b"\x40\x02" + conn.published(b"/frames")[0][3].to_bytes(2, "big")
    run(hal, uplink, 100)
    assert spool.acked[0] == 39
    assert 38 in [one[1][0] for one in conn.published(b"/frames")[32:]]


def test_uplink_after_a_long_outage_takes_up_what_was_in_flight():
    for present in (0, 1):
        deaf = Conn(answers=False)
        conn = Conn(connack=bytes([0x20, 2, present, 0]))
        hal, spool, uplink = make([deaf, conn], 3)
        run(hal, uplink, 1000)
        before = {one[1]: one[3] for one in deaf.published(b"/frames")}
        assert len(before) == 3
        hal.link.is_up = False
        run(hal, uplink, 3600 * 1000)
        assert uplink.stats()["reason"] == "no access point" and deaf.closed
        hal.link.is_up = True
        run(hal, uplink, 10000)
        assert sorted(spool.acked) == [0, 1, 2] and uplink.stats()["reconnects"] == 0
        for _, payload, flags, ident in conn.published(b"/frames"):
            # A duplicate under its old id when the broker remembers; else as new.
            assert bool(flags & 8) == bool(present)
            assert not present or before[payload] == ident


def test_uplink_forgets_no_frame_whose_acknowledgement_is_lost():
    deaf = Conn(answers=False)
    hal, spool, uplink = make([deaf, Conn()], 5)
    run(hal, uplink, 31500)
    assert uplink.stats()["failure"] == "broker does not acknowledge"
    run(hal, uplink, 5000)
    assert sorted(spool.acked) == [0, 1, 2, 3, 4] and uplink.stats()["reconnects"] == 1


def test_uplink_ignores_the_acknowledgement_of_an_unknown_packet():
    conn = Conn()
    hal, spool, uplink = make([conn], 2)
    run(hal, uplink, 500)
    conn.incoming += b"\x40\x02\xff\xfe"
    run(hal, uplink, 5000)
    assert sorted(spool.acked) == [0, 1] and uplink.stats()["reconnects"] == 0


def test_uplink_says_why_a_broker_refuses_and_waits_longer_each_time():
    said = (
        (Conn(connack=b"\x20\x02\x00\x05"), "not authorised"),
        (Conn(connack=b"\x20\x02\x00\x63"), "broker refuses: 99"),
        (Conn(connack=b"HTTP/1.1 400 Bad Request\r\n" * 5), "does not speak MQTT"),
        (Conn(connack=b"\xd0\x00"), "does not speak MQTT"),
        (Conn(connack=b""), "does not answer"),
        (Conn(connack=b"\x20\x80\x80\x80\x80"), "nonsense"),
        (OSError("connection refused"), "connection refused"),
    )
    for conn, why in said:
        hal, spool, uplink = make([conn], 1)
        run(hal, uplink, 25000)
        assert why in uplink.stats()["reason"], (why, uplink.stats())
        assert not spool.acked
    hal, spool, uplink = make([OSError("connection refused")])
    run(hal, uplink, 3600 * 1000)
    # 1, 2, 4 … 256 s, then every 300 s.
    assert 15 <= hal.dialled <= 25, hal.dialled


def test_uplink_backs_off_from_a_broker_that_accepts_and_throws_out():
    class Fickle(Conn):
        def readinto(self, buf):
            return Conn.readinto(self, buf) or 0

    hal, _, uplink = make([Fickle(answers=False)], 1)
    run(hal, uplink, 600 * 1000)
    assert hal.dialled < 20 and "closed" in uplink.stats()["reason"]


def test_uplink_pings_an_idle_broker_and_notices_silence():
    conn = Conn()
    hal, _, uplink = make([conn])
    run(hal, uplink, 200 * 1000)
    assert len([one for one in conn.packets if one == b"\xc0\x00"]) >= 4
    conn.answers = False
    run(hal, uplink, 62 * 1000)
    assert uplink.stats()["failure"] == "broker does not answer a ping"


def test_uplink_answers_commands_good_unknown_malformed_and_failing():
    def broken(arguments):
        return [][1]

    conn = Conn()
    hal, _, uplink = make([conn], 0, {"add": lambda a: {"sum": a["a"] + 1}, "broken": broken})
    run(hal, uplink, 500)
    for n, (name, payload) in enumerate(
        (
            (b"add", b'{"id":5,"a":2}'),
            (b"add", b'{"id":6}'),
            (b"fly", b'{"id":7}'),
            (b"add", b"{"),
            (b"add", b"[1]"),
            (b"broken", b'{"id":8}'),
            (b"\xff", b""),
        )
    ):
        conn.incoming += message(COMMAND + name, payload, n + 1)
    run(hal, uplink, 3000)
    replies = [json.loads(one[1]) for one in conn.published(b"/reply")]
    assert [one["ok"] for one in replies] == [True] + [False] * 6, replies
    assert replies[0]["sum"] == 3 and replies[0]["id"] == 5
    assert replies[2]["id"] == 7 and "unknown command" in replies[2]["error"]
    acked = [one[3] for one in conn.packets if one[0] == 0x40]
    assert acked == [1, 2, 3, 4, 5, 6, 7] and uplink.stats()["reconnects"] == 0


def test_uplink_loses_no_reply_when_commands_come_in_a_flood_or_the_link_breaks():
    deaf = Conn()
    again = Conn()
    hal, _, uplink = make([deaf, again], 0, {"hi": lambda a: {}})
    run(hal, uplink, 500)
    deaf.answers = False
    deaf.stuck = True
    for n in range(40):
        deaf.incoming += message(COMMAND + b"hi", b'{"id":%d}' % n, n + 1)
    run(hal, uplink, 2000)
    deaf.stuck = False
    run(hal, uplink, 2000)
    assert len(deaf.published(b"/reply")) == 40
    deaf.closed = True
    run(hal, uplink, 5000)
    got = {json.loads(one[1])["id"] for one in again.published(b"/reply")}
    assert got == set(range(40))


def test_uplink_holds_its_memory_when_the_broker_takes_nothing():
    conn = Conn(answers=False)
    hal, spool, uplink = make([conn], 300)
    spool.frames = {seq: bytes(3000) for seq in spool.frames}
    run(hal, uplink, 500)
    conn.stuck = True
    conn.incoming += b"".join(
        b"\x40\x02" + one[3].to_bytes(2, "big") for one in conn.published(b"/frames")
    )
    run(hal, uplink, 5000)
    assert len(uplink._session._wire.out) < 8192 + 3100


def test_uplink_obeys_no_command_that_the_broker_has_kept():
    # A retained "reboot" would come with every connection, and reboot the node for ever.
    calls = []
    conn = Conn()
    hal, _, uplink = make([conn], 0, {"reboot": lambda a: calls.append(1) or {}})
    run(hal, uplink, 500)
    conn.incoming += message(COMMAND + b"reboot", b"{}", 3, flags=3)
    run(hal, uplink, 2000)
    assert not calls and not conn.published(b"/reply")
    # It is acknowledged all the same, and the next one is carried out.
    conn.incoming += message(COMMAND + b"reboot", b"{}", 4)
    run(hal, uplink, 2000)
    assert calls == [1]
    assert [one[3] for one in conn.packets if one[0] == 0x40] == [3, 4]


def test_uplink_repeats_no_id_that_is_neither_text_nor_a_number():
    conn = Conn()
    hal, _, uplink = make([conn], 0, {"hi": lambda a: {}})
    run(hal, uplink, 500)
    odd = (b"[" * 1900 + b"]" * 1900, b"{}", b"[1]", b'"' + b"x" * 65 + b'"')
    for n, text in enumerate(odd):
        conn.incoming += message(COMMAND + b"hi", b'{"id":' + text + b"}", n + 1)
    conn.incoming += message(COMMAND + b"hi", b'{"id":"a-1"}', 9)
    run(hal, uplink, 3000)
    replies = [json.loads(one[1]) for one in conn.published(b"/reply")]
    assert [one["ok"] for one in replies] == [False] * 4 + [True], replies
    assert [one["id"] for one in replies] == [None] * 4 + ["a-1"]
    assert uplink.stats()["reconnects"] == 0


def test_uplink_entrusts_no_frame_to_a_broker_that_does_not_pass_on_what_it_writes():
    # Without the right to write, Mosquitto acknowledges all the same, and throws away.
    forbidden = Conn(echoes=False)
    hal, spool, uplink = make([forbidden, Conn()], 3)
    run(hal, uplink, 29000)
    assert uplink.stats()["state"] == "online" and uplink.heard_ms is None
    run(hal, uplink, 2000)
    assert "access rules" in uplink.stats()["failure"] and not forbidden.published(b"/frames")
    assert not spool.acked
    run(hal, uplink, 5000)
    assert sorted(spool.acked) == [0, 1, 2] and uplink.heard_ms > 31000


def test_uplink_believes_no_echo_of_a_connection_before():
    conn = Conn(echoes=False)
    hal, spool, uplink = make([conn], 3)
    run(hal, uplink, 100)
    conn.incoming += message(COMMAND + b"echo", b"12345")
    run(hal, uplink, 3000)
    assert uplink.heard_ms is None and not spool.acked and not conn.published(b"/reply")
