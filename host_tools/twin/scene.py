"""A street full of traffic, from a seed: what passes, whoever looks at it.

Nothing here knows of a sensor. Vehicles follow each other by the intelligent driver model (Treiber
2000), arrive in platoons (Cowan's M3 headways), change lanes where there are two, and stop before
a signal or for no reason at all. Metres, seconds, metres a second; a step is a tenth of a second.

Each way is a carriageway of its own: x runs in its direction of travel from 0 to ROAD_M, and y to
the right, 0 in the middle of its rightmost lane. A vehicle's x is its front bumper.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

STEP_S = 0.1
ROAD_M = 300.0
# Where vehicles are counted: everything that looks at the street looks here.
LINE_M = 200.0
SIGNAL_M = 290.0
LANE_M = 3.3
# Bicycles ride at the edge of the rightmost lane; who overtakes them keeps to his lane.
EDGE_Y = 1.3
KMH = 1 / 3.6


@dataclass(frozen=True)
class Kind:
    """A kind of vehicle: metres, the spread of its desired speed in km/h, and how it drives."""

    name: str
    share: float
    length: tuple[float, float]
    width: float
    height: float
    slower_kmh: float
    acceleration: float
    gap_s: float


KINDS = (
    Kind("car", 0.83, (3.8, 5.0), 1.8, 1.5, 0, 1.7, 1.2),
    Kind("van", 0.08, (5.0, 6.5), 2.0, 2.4, 1, 1.4, 1.3),
    Kind("truck", 0.06, (8.0, 16.5), 2.5, 3.6, 4, 0.8, 1.7),
    Kind("motorcycle", 0.03, (2.0, 2.3), 0.8, 1.4, -3, 2.5, 1.1),
)
BICYCLE = Kind("bicycle", 0, (1.7, 1.9), 0.6, 1.7, 0, 0.8, 1.0)
_BICYCLE_KMH = (18, 4)
_BRAKES = 2.5
_STANDSTILL_M = 2.0
_SPREAD_KMH = 5.0
# Behind others everybody follows no closer than this; the rest come when they like.
_FOLLOWING_S = (1.2, 2.4)
# Of its kind's time gap: some drive up close.
_GAP_SHARE = (0.6, 1.3)
# How often one brakes for nothing, and how long.
_DISTURBED_EACH_S = 900.0
_DISTURBED_FOR_S = (4.0, 12.0)
_LATERAL_MS = 1.1


@dataclass(eq=False)
class Vehicle:
    """One on the street, with what there is to know of it."""

    ident: int
    kind: Kind
    length: float
    desired: float
    lane: int
    x: float
    y: float
    v: float
    gap_s: float
    disturbed_s: float = 0.0

    @property
    def rear(self) -> float:
        return self.x - self.length


@dataclass(frozen=True)
class Passing:
    """A front bumper over the line: what a perfect sensor says."""

    at_s: float
    way: int
    lane: int
    kind: str
    speed_kmh: float
    length: float


@dataclass
class Demand:
    """What comes in, an hour and lane, and what stands in its way.

    `green`: share of a signal's cycle in which one may pass it; 1: there is none.
    """

    flow: float
    bicycles: float = 20.0
    speed_kmh: float = 50.0
    green: float = 1.0
    cycle_s: float = 80.0


@dataclass
class Way:
    """One direction's carriageway: its vehicles by lane, the first in travel first."""

    number: int
    lanes: list[list[Vehicle]]
    bicycles: list[Vehicle] = field(default_factory=list)
    # When the next one arrives in each lane, the last entry is the bicycles'.
    due: list[float] = field(default_factory=list)
    waiting: list[list[Vehicle]] = field(default_factory=list)

    def vehicles(self) -> list[Vehicle]:
        """Return all that are on this carriageway."""
        return [one for lane in self.lanes for one in lane] + self.bicycles


class Scene:
    """A street of two ways with `lanes` each. `demand` may be changed at any time."""

    def __init__(self, seed: int, demand: Demand, lanes: int = 1) -> None:
        self._random = random.Random(seed)
        self.demand = demand
        self.now_s = 0.0
        self.steps = 0
        self._born = 0
        self.passed: list[Passing] = []
        self.ways = [Way(number, [[] for _ in range(lanes)]) for number in range(2)]
        for way in self.ways:
            way.due = [self._headway(demand.flow) for _ in way.lanes]
            way.due.append(self._headway(demand.bicycles))
            way.waiting = [[] for _ in way.lanes]

    def step(self) -> None:
        """Let a tenth of a second pass."""
        self.steps += 1
        self.now_s = self.steps * STEP_S
        for way in self.ways:
            self._arrive(way)
            red = not self._is_green(way)
            for lane in way.lanes:
                self._move(way, lane, red)
            self._move(way, way.bicycles, red)
            if len(way.lanes) > 1 and self.steps % 5 == 0:
                self._change_lanes(way)

    def _is_green(self, way: Way) -> bool:
        if self.demand.green >= 1:
            return True
        phase = (self.now_s + way.number * self.demand.cycle_s / 2) % self.demand.cycle_s
        return phase < self.demand.green * self.demand.cycle_s

    def _headway(self, flow: float) -> float:
        """Return seconds to the next arrival: some follow in platoons, the others are free."""
        if flow <= 0:
            return math.inf
        mean = 3600 / flow
        following = self._random.uniform(*_FOLLOWING_S)
        bunched = min(0.9, 0.9 * flow / 1200)
        if self._random.random() < bunched and mean > following:
            return following
        # What remains of the mean, so that the flow comes out.
        middle = sum(_FOLLOWING_S) / 2
        free = max(0.1, (mean - middle) / (1 - bunched))
        return following + self._random.expovariate(1 / free)

    def _arrive(self, way: Way) -> None:
        for lane in range(len(way.lanes)):
            while way.due[lane] <= self.now_s:
                way.waiting[lane].append(self._invent(lane))
                way.due[lane] += self._headway(self.demand.flow)
            if way.waiting[lane]:
                self._enter(way.waiting[lane], way.lanes[lane])
        while way.due[-1] <= self.now_s:
            way.due[-1] += self._headway(self.demand.bicycles)
            bicycle = self._invent(0, BICYCLE)
            if not way.bicycles or way.bicycles[-1].rear > 3:
                bicycle.y = EDGE_Y
                way.bicycles.append(bicycle)

    def _invent(self, lane: int, kind: Kind | None = None) -> Vehicle:
        chance = self._random
        if kind is None:
            kind = chance.choices(KINDS, [one.share for one in KINDS])[0]
            desired = chance.gauss(self.demand.speed_kmh - kind.slower_kmh, _SPREAD_KMH)
            # Who keeps left goes faster.
            desired += 4 * lane
        else:
            desired = chance.gauss(*_BICYCLE_KMH)
        desired = max(desired, 10.0) * KMH
        self._born += 1
        length = chance.uniform(*kind.length)
        # Nobody rides exactly in the middle.
        y = -LANE_M * lane + chance.uniform(-0.3, 0.3)
        gap_s = kind.gap_s * chance.uniform(*_GAP_SHARE)
        return Vehicle(self._born, kind, length, desired, lane, 0.0, y, desired, gap_s)

    def _enter(self, waiting: list[Vehicle], lane: list[Vehicle]) -> None:
        """Let the first that waits outside onto the street, when there is room."""
        one = waiting[0]
        if lane:
            gap = lane[-1].rear
            if gap < _STANDSTILL_M + 1.0 + one.gap_s * min(one.desired, lane[-1].v):
                return
            one.v = min(one.desired, math.sqrt(lane[-1].v ** 2 + 2 * _BRAKES * max(gap - 2, 0)))
        lane.append(waiting.pop(0))

    def _move(self, way: Way, lane: list[Vehicle], red: bool) -> None:
        """Move a lane's vehicles by a step, the foremost first."""
        leader = None
        for one in lane:
            gap, ahead = self._view(one, leader, red)
            one.v = max(0.0, one.v + STEP_S * self._acceleration(one, gap, ahead))
            before = one.x
            one.x += one.v * STEP_S
            if before < LINE_M <= one.x:
                self._count(way, one, before)
            target = EDGE_Y if one.kind is BICYCLE else -LANE_M * one.lane
            if abs(one.y - target) > 0.35:
                one.y += math.copysign(_LATERAL_MS * STEP_S, target - one.y)
            leader = one
        while lane and lane[0].rear > ROAD_M:
            lane.pop(0)

    def _view(self, one: Vehicle, leader: Vehicle | None, red: bool) -> tuple[float, float]:
        """Return (gap in m, speed of what is ahead); an infinite gap for an empty street."""
        gap, ahead = math.inf, 0.0
        if leader is not None:
            gap, ahead = leader.rear - one.x, leader.v
        stop = SIGNAL_M - one.x
        # Who cannot stop any more passes.
        if red and 0 < stop < gap and stop > one.v**2 / (2 * 2 * _BRAKES):
            gap, ahead = stop, 0.0
        return gap, ahead

    def _acceleration(self, one: Vehicle, gap: float, ahead: float) -> float:
        """Return m/s² of the intelligent driver model."""
        desired = one.desired
        if one.disturbed_s > 0:
            one.disturbed_s -= STEP_S
            desired *= 0.5
        elif one.kind is not BICYCLE and self._random.random() < STEP_S / _DISTURBED_EACH_S:
            one.disturbed_s = self._random.uniform(*_DISTURBED_FOR_S)
        a = one.kind.acceleration
        free = a * (1 - (one.v / desired) ** 4)
        if gap == math.inf:
            return max(free, -_BRAKES)
        closing = one.v * (one.v - ahead) / (2 * math.sqrt(a * _BRAKES))
        wanted = _STANDSTILL_M + max(0.0, one.v * one.gap_s + closing)
        return max(free - a * (wanted / max(gap, 0.1)) ** 2, -8.0)

    def _count(self, way: Way, one: Vehicle, before: float) -> None:
        at = self.now_s - STEP_S * (one.x - LINE_M) / (one.x - before)
        lane = round(max(0.0, -one.y) / LANE_M)
        self.passed.append(Passing(at, way.number, lane, one.kind.name, one.v / KMH, one.length))

    def _change_lanes(self, way: Way) -> None:
        """Overtake where the other lane is better and free; go back to the right behind it."""
        for number, lane in enumerate(way.lanes):
            for place, one in enumerate(lane):
                leader = lane[place - 1] if place else None
                for other in (number - 1, number + 1):
                    if 0 <= other < len(way.lanes) and self._wants(one, leader, way, other):
                        self._change(way, number, other, one)
                        return

    def _wants(self, one: Vehicle, leader: Vehicle | None, way: Way, other: int) -> bool:
        ahead, behind = _neighbours(one, way.lanes[other])
        gap = ahead.rear - one.x if ahead else math.inf
        back = one.rear - behind.x if behind else math.inf
        if gap < 5 + 0.6 * one.v or back < 5 + (1.0 * behind.v if behind else 0):
            return False
        now = self._acceleration(one, *self._view(one, leader, False))
        then = self._acceleration(one, *self._view(one, ahead, False))
        # Keep right unless it costs something.
        return then > now + 0.4 if other > one.lane else then > now - 0.1

    def _change(self, way: Way, number: int, other: int, one: Vehicle) -> None:
        way.lanes[number].remove(one)
        one.lane = other
        place = sum(1 for there in way.lanes[other] if there.x > one.x)
        way.lanes[other].insert(place, one)


def _neighbours(one: Vehicle, lane: list[Vehicle]) -> tuple[Vehicle | None, Vehicle | None]:
    """Return who would be before and behind `one` in a lane."""
    ahead = behind = None
    for there in lane:
        if there.x >= one.x:
            ahead = there
        else:
            behind = there
            break
    return ahead, behind
