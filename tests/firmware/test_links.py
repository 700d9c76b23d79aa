from gateway import ethernet, links, lte
from network_fakes import Lan, Modem, Pin, Time

OLIMEX = {
    "phy": "LAN8710",
    "address": 0,
    "clock": "out",
    "pins": {"mdc": 23, "mdio": 18, "clock": 17, "power": 12},
}


def make_lte(modem, **settings):
    settings["apn"] = settings.get("apn", "iot.example")
    way = lte.Lte(modem, modem, modem.press, modem.time, settings, 1200)
    way.start()
    return way


def run(way, time, seconds, until=None):
    """Step for so long or until it is so; return the reasons it gave on the way."""
    heard = []
    end = time.now + seconds * 1000
    while time.now < end and not (until and until()):
        wait = way.step()
        assert 0 < wait <= 1000
        time.now += wait
        if way.why() not in heard:
            heard.append(way.why())
    return heard


def test_lte_goes_on_line_with_its_apn_and_says_how_strong_it_hears():
    modem = Modem(Time())
    way = make_lte(modem)
    heard = run(way, modem.time, 30, way.up)
    assert way.up() and way.why() == "" and way.rssi() == -73, heard
    assert 'AT+CGDCONT=1,"IP","iot.example"' in modem.asked
    assert modem.asked[-1] == "ATD*99#" and modem.presses == 0 and modem.logins == [{}]


def test_lte_logs_in_where_it_must():
    modem = Modem(Time())
    way = make_lte(modem, apn='a"b', user="city", password="hush")
    run(way, modem.time, 30, way.up)
    assert modem.logins == [{"authmode": Modem.AUTH_PAP, "username": "city", "password": "hush"}]
    assert 'AT+CGDCONT=1,"IP","ab"' in modem.asked
    assert "hush" not in "".join(modem.asked) + way.why()


def test_lte_starts_a_modem_that_is_off():
    modem = Modem(Time(), powered=False)
    way = make_lte(modem)
    heard = run(way, modem.time, 60, way.up)
    assert way.up() and modem.presses == 1 and "modem does not answer" in heard


def test_lte_presses_the_key_again_and_again_when_nothing_helps():
    modem = Modem(Time())
    modem.answers = {}
    way = make_lte(modem)
    run(way, modem.time, 300)
    assert not way.up() and way.why() == "modem does not answer"
    assert 5 <= modem.presses <= 20


def test_lte_takes_over_a_modem_that_is_still_on_line():
    modem = Modem(Time())
    modem.on_line = True
    way = make_lte(modem)
    run(way, modem.time, 60, way.up)
    assert way.up() and modem.escaped == 1 and modem.presses == 0


def test_lte_says_what_a_crew_can_mend():
    for command, answer, why in (
        ("AT+CPIN?", "ERROR", "no SIM card"),
        ("AT+CPIN?", "+CPIN: SIM PIN\r\n\r\nOK", "SIM card wants its PIN"),
        ("AT+CGDCONT", "ERROR", "modem refuses the APN"),
        ("AT+CEREG", "+CEREG: 0,2\r\n+CGREG: 0,2\r\n\r\nOK", "LTE: no network"),
        ("AT+CEREG", "+CEREG: 0,3\r\n\r\nOK", "LTE: network refuses the SIM card"),
        ("AT+CEREG", "+CEREG: what\r\n\r\nOK", "LTE: no network"),
        ("ATD", "NO CARRIER", "LTE: no data connection; is the APN right?"),
        ("ATD", "", "LTE: no data connection; is the APN right?"),
    ):
        modem = Modem(Time())
        good = modem.answers[command]
        modem.answers[command] = answer
        way = make_lte(modem)
        heard = run(way, modem.time, 100)
        assert why in heard and not way.up(), (command, heard)
        # And mended, it goes on line without a reset.
        modem.answers[command] = good
        run(way, modem.time, 120, way.up)
        assert way.up(), command


def test_lte_turns_a_modem_off_and_on_that_finds_no_network():
    modem = Modem(Time())
    modem.answers["AT+CEREG"] = "+CEREG: 0,2\r\n\r\nOK"
    modem.answers["AT+CSQ"] = "+CSQ: 99,99\r\n\r\nOK"
    way = make_lte(modem)
    run(way, modem.time, 260)
    assert modem.presses == 2 and modem.powered and way.rssi() is None


def test_lte_without_an_address_says_so_and_tries_again():
    modem = Modem(Time())
    modem.gives_address = False
    way = make_lte(modem)
    heard = run(way, modem.time, 60)
    assert "LTE: no address; are APN, user and password right?" in heard
    modem.gives_address = True
    run(way, modem.time, 60, way.up)
    assert way.up()


def test_lte_comes_back_after_a_lost_connection():
    modem = Modem(Time())
    way = make_lte(modem)
    run(way, modem.time, 30, way.up)
    for on_line in (False, True):
        assert run(way, modem.time, 5) == [""]
        # The modem notices, or only the other end has gone.
        modem.connected, modem.on_line = False, on_line
        heard = run(way, modem.time, 60, way.up)
        assert way.up() and "LTE: connection lost" in heard
    way.stop()
    assert not way.up() and not modem.connected


def test_ethernet_is_made_of_the_boards_pins():
    network = Lan()
    way = ethernet.Ethernet(network, Pin, OLIMEX)
    assert network.made == {
        "mdc": "pin 23",
        "mdio": "pin 18",
        "power": "pin 12",
        "reset": None,
        "ref_clk": "pin 17",
        "ref_clk_mode": Pin.OUT,
        "phy_type": Lan.PHY_LAN8710,
        "phy_addr": 0,
    }
    way.start()
    assert (way.up(), way.why(), way.rssi()) == (False, "Ethernet: no cable", None)
    network.status_now = Lan.ETH_CONNECTED
    assert (way.up(), way.why()) == (False, "Ethernet: no address yet")
    network.status_now = Lan.ETH_GOT_IP
    assert (way.up(), way.why()) == (True, "")
    way.stop()
    assert not way.up()
    dead = ethernet.Ethernet(Lan(answers=False), Pin, OLIMEX)
    dead.start()
    dead.stop()
    assert (dead.up(), dead.why()) == (False, "Ethernet does not answer")


class Way:
    patience_ms = 30000

    def __init__(self, name):
        self.name = name
        self.works = False
        self.runs = 0

    def start(self):
        self.runs += 1

    def stop(self):
        self.runs -= 1

    def step(self):
        assert self.runs == 1
        return 500

    def up(self):
        return self.works

    def why(self):
        return "" if self.works else self.name

    def rssi(self):
        return -60 if self.works else None


def test_links_takes_the_next_way_when_one_gets_nowhere():
    time = Time()
    ways = {}

    def open_way(kind, settings):
        ways[kind] = Way(kind)
        return ways[kind]

    link = links.Link(time, open_way)
    link.start({"lte": {"apn": "iot"}, "ethernet": {}, "wifi": []})
    assert sorted(ways) == ["ethernet", "lte"]
    assert run(link, time, 29) == ["ethernet"]
    # Not up for half a minute: the other one, and back again, for ever.
    assert run(link, time, 100) == ["ethernet", "lte"]
    ways["lte"].works = True
    run(link, time, 60, link.up)
    assert link.up() and link.rssi() == -60 and link.way() == "lte" and ways["ethernet"].runs == 0
    # It stays for as long as it is up, and gets its time when it is not.
    assert run(link, time, 1000) == [""]
    ways["lte"].works = False
    ways["ethernet"].works = True
    assert run(link, time, 29) == ["lte"]
    assert run(link, time, 5) == ["lte", ""] and link.way() == "ethernet"
    assert ways["lte"].runs == 0


def test_links_without_a_network_says_so():
    link = links.Link(Time(), None)
    link.start({"wifi": []})
    assert link.step() == 1000
    assert (link.up(), link.why(), link.rssi()) == (False, "no network is configured", None)
    assert link.way() is None
