"""Two lidars in a row: a vehicle of the made-up street is before one, then before the other."""

from host_tools.twin import passing
from host_tools.twin.passing import Lane
from host_tools.twin.sensors import tfluna

FACTS = {
    "sensor": "two Benewake TF-Luna or TFmini-S",
    "measures": "vehicles, speed, class by length, occupancy, headway",
    "supply": "5 V (TF-Luna 3.7 to 5.2 V), 70 mA each",
    "wiring": (
        ("5V, GND", "5 V, ground"),
        ("TXD, RXD (3.3 V) of the first", "RX, TX of a UART (`bus`)"),
        ("TXD, RXD (3.3 V) of the second", "RX, TX of another (`bus2`)"),
        ("pin 5 of a TF-Luna", "nothing, or 3.3 V: to ground makes it I²C"),
    ),
    "options": {
        "distance_cm": "from one beam to the other; 300 unless said",
        "truck_cm": "from which length on a vehicle is truck-like; 700 unless said",
        "margin_cm": "so much nearer than the background is a vehicle; 60 unless said",
    },
    "life": "no limit stated; laser class 1",
    "price": "€€€",
    "resolution": "1 vehicle; of a speed 10 ms: 5 % at 50 km/h with 3 m between them",
    "distrust": (
        "All that tfluna says. Less than 4.5 m between them, or a car has left one before it is "
        "at the other; more than 2 m, or a single speed is nothing: a beam looks every 10 ms.",
        "A single speed is wrong by up to 10 %, a period's mean by much less; speed_p85 is a "
        "little too high for that reason.",
        "Beams that are not parallel measure another distance in each lane of the road.",
    ),
    "source": "Benewake SJ-PM-TF-Luna A05, SJ-PM-TFmini-S A05",
}
SAYS = passing.SAYS_OF_TWO
_USUAL_DISTANCE_CM = 300


class Model(tfluna.Model):
    """`second` is the end on the second bus."""

    def __init__(self, source, options):
        distance = options.get("distance_cm", _USUAL_DISTANCE_CM)

        def edges_of(passage):
            return tfluna.edges_of(passage) + tfluna.edges_of(passage, 1, distance)

        lane = Lane(source, edges_of)
        tfluna.Model.__init__(self, source, options, lane)
        self.second = tfluna.Model(source, options, lane, 1)
