"""The air switch of a tube that a made-up street's axles cross, or a bicycle counter's contact."""

from host_tools.twin import passing
from host_tools.twin.passing import Contact, Lane

FACTS = {
    "sensor": "pneumatic road tube with an air switch; bicycle counter with reed, hall or loop",
    "measures": "vehicles (axles/2) or bicycles, headway",
    "supply": "none; a hall switch 3.3 V",
    "wiring": (
        ("the contact, or the open collector", "a pulse input, by 1 kΩ"),
        ("its other side", "ground"),
    ),
    "options": {
        "closings": "how many to a vehicle; 2 unless said (a tube), 1 for a bicycle counter",
        "debounce_ms": "what closes again so soon is bouncing; 25 unless said (a tube), 300 is "
        "good for a reed or a hall switch",
    },
    "life": "a tube: weeks under traffic; a reed or hall switch: years",
    "price": "€€",
    "resolution": "1",
    "distrust": (
        "One tube counts axles: a lorry of five is two and a half vehicles, so there are always "
        "some too many; closings is what was counted. The share of lorries has to be known.",
        "Two axles in the same moment, of two lanes or two directions, are one. Slow or light "
        "wheels may not close the switch at all; a bicycle on a car's tube hardly does.",
        "A tube whose nail is loose counts twice, a leaking one less and less: look at it weekly.",
        "A bicycle loop counts what is of metal and large enough; riders beside each other are "
        "one.",
        "An edge has no checksum: a disturbance is a vehicle. No closing and a broken wire look "
        "alike. Overruns (64 waiting) are flagged `sensor_error`.",
    ),
    "source": "FHWA Traffic Monitoring Guide, axle counting",
}
SAYS = passing.SAYS
# A pulse of air, and how the switch bounces, in us.
BOUNCES = ((0, 0), (900, 0), (1800, 0), (9000, 0), (9700, 0))


def hits(passage, number=0, distance_cm=0):
    """Return the edges of a tube so far behind the first one."""
    return [(passage.us(axle + distance_cm), number, 1) for axle in passage.axles]


class Model(Contact):
    def __init__(self, source, options):
        closings = options.get("closings", 2)

        def edges_of(passage):
            # A bicycle's magnet passes once.
            return hits(passage)[: None if closings > 1 else 1]

        Contact.__init__(self, Lane(source, edges_of), 0, BOUNCES)
