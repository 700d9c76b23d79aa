"""Whom a simulated radar may see: the vehicles of a recorded period, or of a made-up street."""

SLOT_MS = 10000
# What a recording may hold: more in five minutes would be on each other's heels.
VEHICLES_MOST = 240
# Keep clear of a period's ends, so that each vehicle is counted in its own.
MARGIN_MS = 3000
USUAL_SPEED = 500


class Plan:
    """`recorded(start, end, values)`: the vehicles of a period, `.end` in ms; `invent(slot, x)`:
    one of a street, of the number x that the seed makes.
    """

    def __init__(self, source, recorded, invent):
        self._source = source
        self._recorded = recorded
        self._invent = invent
        self._planned = None
        self.known = []

    def around(self, now):
        """Return the vehicles there may be at `now`; None in the hole of a recording."""
        period = self._source.interval(now)
        if period is not None:
            start, end, values = period
            if self._planned != end:
                self._planned = end
                self.known = self._recorded(start, end, values)
            return self.known
        if not hasattr(self._source, "vehicles_per_hour"):
            return None
        slot = now // SLOT_MS
        if self._planned != slot:
            self._planned = slot
            self.known = [one for one in self.known if one.end >= now - SLOT_MS]
            self.known += self._made_up(slot)
        return self.known

    def _made_up(self, slot):
        random = self._source.random
        expected = self._source.vehicles_per_hour(slot * SLOT_MS) * SLOT_MS / 3600000
        count = int(expected) + ((random(11, slot) & 0xFFFF) < (expected % 1) * 0x10000)
        return [self._invent(slot, random(12 + i, slot)) for i in range(count)]


def starts(start, end, values, lasts):
    """Return when the vehicles of a recorded period begin, evenly spaced; each `lasts` so long."""
    count = values.get("vehicles", 0)
    if not count:
        return []
    spacing = (end - start - 2 * MARGIN_MS - lasts) // count
    return [start + MARGIN_MS + i * spacing for i in range(count)]
