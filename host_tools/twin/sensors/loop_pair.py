"""The relays of two loops in a lane: a vehicle of the made-up street closes one, then the other."""

from host_tools.twin import passing
from host_tools.twin.passing import Contact, Lane
from host_tools.twin.sensors import loop

FACTS = {
    "sensor": "two inductive loops in a lane, with detectors that have relays or open collectors",
    "measures": "vehicles, speed, class by length, occupancy, headway",
    "supply": "the detectors' own",
    "wiring": (
        ("the first one's contact that closes when occupied", "a pulse input (`bus`), by 1 kΩ"),
        ("the second one's", "another (`bus2`), by 1 kΩ"),
        ("their other sides", "ground"),
    ),
    "options": {
        "distance_cm": "from the front of one to the front of the other; 400 unless said",
        "loop_cm": "how long one of them is; 200 unless said",
        "truck_cm": "from which length on a vehicle is truck-like; 700 unless said",
        "debounce_ms": "what lasts no longer is bouncing; 20 unless said",
    },
    "life": "the loops': until the road is renewed",
    "price": "€€€€",
    "resolution": "1 vehicle, 0.1 km/h",
    "distrust": (
        "All that loop says. The speed is as good as distance_cm: measure it, and drive over it "
        "at a known speed. Detectors of two makes have two delays: 5 ms of difference are 2 % at "
        "50 km/h.",
        "Speed is from both fronts and both rears. Who stops between the loops has neither speed "
        "nor class, who changes lanes between them likewise; both are counted.",
        "A length is that of the metal as a loop feels it. Vans and small lorries overlap at "
        "truck_cm; a car with a trailer is truck-like.",
        "A node that is busy (a flash erase takes 45 ms) makes times late: single speeds may be "
        "wrong by half, and the mean of a period hardly is.",
    ),
    "source": "TLS 2012 (Technische Lieferbedingungen für Streckenstationen), double loops",
}
SAYS = passing.SAYS_OF_TWO
_USUAL_DISTANCE_CM = 400


class Model(Contact):
    """`second` is the end on the second bus."""

    def __init__(self, source, options):
        distance = options.get("distance_cm", _USUAL_DISTANCE_CM)
        length = options.get("loop_cm", loop.LOOP_CM)

        def edges_of(passage):
            first = loop.edges_of(passage, 0, 0, length)
            return first + loop.edges_of(passage, 1, distance, length)

        lane = Lane(source, edges_of)
        Contact.__init__(self, lane, 0, loop.BOUNCES)
        self.second = Contact(lane, 1, loop.BOUNCES)
