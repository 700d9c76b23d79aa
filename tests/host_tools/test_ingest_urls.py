from pathlib import Path

import pytest

from host_tools.errors import UserError
from host_tools.urls import Broker, parse_broker, parse_database


@pytest.mark.parametrize(
    "text, broker",
    [
        ("mqtt://host", Broker("host", 1883)),
        ("mqtt://host:99/", Broker("host", 99)),
        ("mqtts://host", Broker("host", 8883, tls=True)),
        ("mqtt://[::1]:5", Broker("::1", 5)),
        ("mqtt://me@host", Broker("host", 1883, "me")),
        ("mqtts://me:a%40b%2Fc@host:1", Broker("host", 1, "me", "a@b/c", True)),
    ],
)
def test_a_broker_url_is_read(text, broker):
    assert parse_broker(text) == broker
    assert parse_broker(str(broker)) == Broker(
        broker.host, broker.port, broker.user, None, broker.tls
    )


@pytest.mark.parametrize(
    "text, reason",
    [
        ("host:1883", "starts with neither"),
        ("http://host", "starts with neither"),
        ("mqtt://", "names no host"),
        ("mqtt://:1883", "names no host"),
        ("mqtt://host:0", "port 0"),
        ("mqtt://host:65536", "the port is no number"),
        ("mqtt://host:x", "the port is no number"),
        ("mqtt://me:secret/1@host", "the port is no number"),
        ("mqtt://me:secret@host/x", "nothing may follow"),
        ("mqtt://:secret@host", "needs a user"),
        ("mqtt://[::1", "brackets"),
    ],
)
def test_a_wrong_broker_url_is_refused_without_its_password(text, reason):
    with pytest.raises(UserError, match=reason) as error:
        parse_broker(text)
    assert "secret" not in str(error.value)


def test_a_password_is_never_shown():
    broker = parse_broker("mqtt://me:secret@host")
    assert "secret" not in f"{broker} {broker!r}" and broker.password == "secret"


def test_a_database_url_names_a_file():
    assert parse_database("sqlite:///a/b.db") == Path("a/b.db")
    assert parse_database("sqlite:////a/b.db") == Path("/a/b.db")


@pytest.mark.parametrize("text", ["b.db", "sqlite://b.db", "sqlite:///", "mysql://h/d"])
def test_another_database_url_is_refused(text):
    with pytest.raises(UserError, match="database URL"):
        parse_database(text)
