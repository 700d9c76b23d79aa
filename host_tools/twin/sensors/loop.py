"""The relay of a loop detector: closed while a made-up street's vehicle is over the loop."""

from host_tools.twin import passing
from host_tools.twin.passing import Contact, Lane

FACTS = {
    "sensor": "inductive loop with a detector that has a relay or an open collector",
    "measures": "vehicles, occupancy, headway",
    "supply": "the detector's own",
    "wiring": (
        ("the relay's contact that closes when occupied", "a pulse input, by 1 kΩ"),
        ("its other side, or the open collector's emitter", "ground"),
    ),
    "options": {"debounce_ms": "what lasts no longer is bouncing; 20 unless said"},
    "life": "the loop's: until the road is renewed",
    "price": "€€€",
    "resolution": "1 vehicle, 0.1 %, 0.1 s",
    "distrust": (
        "Set the detector to presence, not to a pulse at entry, with the longest hold time: what "
        "a free loop is like is its affair, and must stay frozen while it is occupied. After a "
        "hold time of its own it takes a parked car for the road, and the car's leaving for one.",
        "Use no filter or extension time in the detector: occupancy includes them.",
        "Two in a row without a metre between them are one to a loop of 2 m; a high lorry may be "
        "two. A motorcycle beside the loop is none.",
        "Occupied for more than 15 minutes is flagged `stuck`: a queue, a parked car, or a "
        "detector that hangs. A broken wire is a free lane.",
        "A relay of the slow kind is 10 to 20 ms late, both ways. Interrupts wait while the node "
        "is busy (a flash erase, TLS): times are late then, and of more than eight changes the "
        "later ones are missing; the next one puts the state right.",
        "An edge has no checksum: a disturbance shorter than debounce_ms is left out, a longer "
        "one is a vehicle.",
    ),
    "source": "TLS 2012 (Technische Lieferbedingungen für Streckenstationen), presence detection",
}
SAYS = passing.SAYS
LOOP_CM = 200
# Late, in us; 1: not as it should be.
BOUNCES = ((8000, 0), (8600, 1), (9000, 0), (9800, 1), (10200, 0))


def edges_of(passage, number=0, distance_cm=0, loop_cm=LOOP_CM):
    """Return the edges of a loop that begins so far behind the first one."""
    on = passage.us(distance_cm)
    return [(on, number, 1), (passage.us(distance_cm + passage.length + loop_cm), number, 0)]


class Model(Contact):
    def __init__(self, source, options):
        Contact.__init__(self, Lane(source, edges_of), 0, BOUNCES)
