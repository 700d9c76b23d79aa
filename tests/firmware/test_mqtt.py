import umqtt_cpython  # noqa: F401 - before the firmware: it makes umqtt.simple importable

# isort: split
from gateway.mqtt import INCOMING_MOST, LinkError, Session, packet_size
from link_fakes import CONFIG, Conn, Hal, message
from support import raises


def make(conn, on_ack=None, on_message=None):
    hal = Hal([conn])
    session = Session(
        hal,
        b"n1",
        CONFIG["broker"],
        (b"w", b"gone"),
        on_ack or (lambda tag: None),
        on_message or (lambda topic, payload: None),
    )
    session.open(conn)
    session.step()
    session.step()
    return hal, session


def test_mqtt_packet_size_is_known_when_the_length_is():
    assert packet_size(b"") == packet_size(b"\x30") == packet_size(b"\x30\x80") == 0
    assert packet_size(b"\xc0\x00") == 2 and packet_size(b"\x30\x7f") == 129
    assert packet_size(b"\x30\x80\x01") == 131
    raises(LinkError, packet_size, b"\x30\x80\x80\x80\x80")


def test_mqtt_writes_exact_bytes():
    conn = Conn()
    _, session = make(conn)
    session.publish(b"t/1", b"ab", 1)
    session.subscribe(b"c/#")
    session.step()
    assert conn.packets[1:] == [
        b"\x32\x09\x00\x03t/1\x00\x01ab",
        b"\x82\x08\x00\x02\x00\x03c/#\x01",
    ]


def test_mqtt_serialises_a_user_whose_name_is_not_ascii():
    broker = dict(CONFIG["broker"])
    broker["user"] = "åsa"
    broker["password"] = "ö"
    conn = Conn()
    session = Session(Hal([conn]), b"n1", broker, (b"w", b"gone"), None, None)
    session.open(conn)
    session.step()
    session.step()
    assert session.connected and conn.packets[0].endswith(b"\x00\x04\xc3\xa5sa\x00\x02\xc3\xb6")


def test_mqtt_packet_ids_wrap_and_skip_those_in_flight():
    acked = []
    conn = Conn()
    _, session = make(conn, acked.append)
    conn.answers = False
    session.publish(b"t", b"stays", "first")
    session.step()
    conn.answers = True
    del conn.packets[:]
    seen = bytearray(65536)
    # Several in flight, as many as do not divide the ids evenly.
    for first in range(0, 140001, 13):
        some = range(first, min(first + 13, 140001))
        for n in some:
            session.publish(b"t", b"x", n)
        session.step()
        for packet in conn.packets:
            seen[packet[5] << 8 | packet[6]] = 1
            assert len(packet) == 8
        assert len(conn.packets) == len(some)
        del conn.packets[:]
        session.step()
        assert acked == list(some)
        del acked[:]
    assert not acked and list(session.window) == [1]
    assert not seen[0] and not seen[1] and sum(seen) == 65534


def test_mqtt_gives_a_message_to_the_client_when_it_is_whole():
    got = []
    conn = Conn(piece=1)
    _, session = make(conn, None, lambda topic, payload: got.append((topic, payload)))
    while not session.connected:
        session.step()
    packet = message(b"c/x", b"p" * 300)
    conn.incoming += packet[:-1]
    for _ in range(100):
        session.step()
    assert not got
    conn.incoming += packet[-1:]
    session.step()
    assert got == [(b"c/x", b"p" * 300)]
    for _ in range(20):
        session.step()
    assert conn.packets[-1] == b"\x40\x02\x00\x07"


def _noting(got):
    return lambda topic, payload: got.append((topic, payload))


TOO_LONG = bytes([0x80 | INCOMING_MOST & 127, 0x80 | INCOMING_MOST >> 7, 1])


def test_mqtt_a_message_that_is_too_long_is_answered_and_passed_over():
    for piece in (1000, 300, 77):
        got = []
        conn = Conn(piece=piece)
        _, session = make(conn, None, _noting(got))
        while not session.connected:
            session.step()
        size = (INCOMING_MOST & 127) + (INCOMING_MOST >> 7 << 7) + (1 << 14)
        body = b"\0\3c/x\0\x09"
        conn.incoming += b"\x32" + TOO_LONG + body + bytes(size - len(body))
        conn.incoming += message(b"c/y", b"small", 8)
        for _ in range(400):
            session.step()
        assert got == [(b"c/x", None), (b"c/y", b"small")], piece
        assert conn.packets[-2:] == [b"\x40\x02\x00\x09", b"\x40\x02\x00\x08"]


def test_mqtt_refuses_nonsense_with_a_reason():
    for data, why in (
        (b"\x30\x80\x80\x80\x80\x01", "nonsense"),
        (b"\x30" + TOO_LONG + b"\0\1c" + bytes(300), "a packet of"),
        (b"\x32" + TOO_LONG + b"\7\1" + bytes(300), "a packet of"),
        (b"\x32\x05\x00\x09abc", "nonsense"),
        (b"\x32\x01\x00", "nonsense"),
        (b"\x32\x00", "nonsense"),
        (message(b"c", b"x", 1, 4), "nonsense"),
        (b"\x90\x03\x00\x01\x80", "refuses the subscription"),
        (b"\x40\x01\x00", "nonsense"),
        (b"\xf0\x00", "nonsense"),
    ):
        conn = Conn()
        _, session = make(conn)
        conn.incoming += data
        assert why in raises(LinkError, session.step), data
    conn = Conn()
    _, session = make(conn)
    conn.closed = True
    assert "closed" in raises(LinkError, session.step)


def test_mqtt_deadlines_survive_the_wrap_of_the_ticks():
    conn = Conn()
    hal, session = make(conn)
    hal.ticks = (1 << 30) - 10
    conn.answers = False
    session.publish(b"t", b"x", 1)
    session._heard = hal.ticks
    session.step()
    hal.advance(20)
    session.step()
    hal.advance(30000)
    assert "acknowledge" in raises(LinkError, session.step)
