"""The air switches of two tubes, a metre apart, that a made-up street's axles cross."""

from host_tools.twin import passing
from host_tools.twin.passing import Contact, Lane
from host_tools.twin.sensors import contact_counter

FACTS = {
    "sensor": "two pneumatic road tubes with air switches",
    "measures": "vehicles, speed, class by axles",
    "supply": "none",
    "wiring": (
        ("the first one's air switch", "a pulse input (`bus`), by 1 kΩ"),
        ("the second one's", "another (`bus2`), by 1 kΩ"),
        ("their other sides", "ground"),
    ),
    "options": {
        "distance_cm": "from one tube to the other; 100 unless said. Less than axles are apart",
        "truck_cm": "second axle so far behind the first: a lorry; 430 unless said",
        "debounce_ms": "what closes again so soon is bouncing; 25 unless said",
    },
    "life": "weeks under traffic",
    "price": "€€",
    "resolution": "1 vehicle, 0.1 km/h",
    "distrust": (
        "One lane, one direction. Two vehicles on the tubes at once, of two lanes or meeting, are "
        "nonsense; either direction alone is measured alike.",
        "Which axles are a vehicle is guessed from their distances: up to 7.5 m for a lorry's "
        "first two, 2 m for axles side by side, 9 m from a tractor to its trailer; a car has two. "
        "In a queue vehicles are as close as that: docs/traffic.md says what comes of it. Who may "
        "have stopped is two axles; who stood between the tubes has no speed.",
        "Both tubes of the same length, or the air takes longer through one: a metre more is 3 ms, "
        "4 % at 50 km/h with a metre between them.",
        "occupancy is from the first axle to the last, so it is too small by the overhangs.",
        "A node that is busy (a flash erase takes 45 ms) makes times late: single speeds may be "
        "wrong by half, the mean of a period hardly is.",
    ),
    "source": "FHWA Traffic Monitoring Guide, classification by axles and their distances",
}
SAYS = passing.SAYS_OF_TWO
_USUAL_DISTANCE_CM = 100


class Model(Contact):
    """`second` is the end on the second bus."""

    def __init__(self, source, options):
        distance = options.get("distance_cm", _USUAL_DISTANCE_CM)

        def edges_of(passage):
            first = contact_counter.hits(passage)
            return first + contact_counter.hits(passage, 1, distance)

        lane = Lane(source, edges_of)
        Contact.__init__(self, lane, 0, contact_counter.BOUNCES)
        self.second = Contact(lane, 1, contact_counter.BOUNCES)
