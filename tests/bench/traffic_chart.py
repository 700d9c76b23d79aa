"""The chart of docs/traffic.md: by how many vehicles each hour's count is wrong, a row a radar."""

from __future__ import annotations

from tests.bench.chart import STYLE, text

WIDTH, LEFT, RIGHT, TOP = 860, 84, 250, 92
ROW, GAP, BOTTOM = 190, 44, 60
# What of a way's axis is shown: beyond, a dot would press all others together.
LEAST, MOST = -250, 150
COLOURS = ("#1f77b4", "#17a2b8", "#9467bd", "#d62728", "#ff7f0e", "#8c564b")
# As in a sensor's page.
NAMES = {"ld2451": "LD2451", "ld2415h": "LD2415H", "ops243a": "OPS243-A"}


def draw(kinds: dict[str, dict[str, list[tuple[int, int]]]]) -> str:
    """Return an SVG. kinds: {radar: {what the hours were: [(passed, counted) an hour, …]}}."""
    passed = [pair[0] for points in kinds.values() for pairs in points.values() for pair in pairs]
    most = -(-max(passed) // 500) * 500
    colours: dict[str, str] = {}
    for points in kinds.values():
        for name in points:
            colours.setdefault(name, COLOURS[len(colours) % len(COLOURS)])
    height = TOP + len(kinds) * (ROW + GAP) - GAP + BOTTOM
    parts = []
    for number, (kind, points) in enumerate(kinds.items()):
        row = _Row(TOP + number * (ROW + GAP), most)
        parts += row.frame(NAMES.get(kind, kind), number == len(kinds) - 1)
        for name, pairs in points.items():
            parts += [row.dot(true, told, colours[name]) for true, told in pairs]
    parts += _legend(colours)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>By how many vehicles an hour the radars' counts are wrong</title>",
        f"<style>{STYLE} .axis {{ stroke: #8a96a1; fill: none; }} .zero {{ stroke: #00796b; }}",
        "  .good { fill: #00796b; fill-opacity: 0.12; }</style>",
        text(24, 34, "By how many vehicles an hour the radars are wrong", "title"),
        text(
            24, 56, "A dot an hour and direction of a simulated street; below 0: missed.", "quiet"
        ),
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    tail = text(middle, height - 14, "vehicles that passed in the hour", "quiet", "middle")
    return "\n".join([*head, *parts, tail, "</svg>", ""])


class _Row:
    """One radar's plot, its upper edge at `top`."""

    def __init__(self, top: float, most: int) -> None:
        self._top = top
        self._most = most

    def frame(self, name: str, last: bool) -> list[str]:
        bottom, right = self._top + ROW, WIDTH - RIGHT
        clip = f"row{round(self._top)}"
        parts = [
            f'<clipPath id="{clip}"><rect x="{LEFT}" y="{self._top}" '
            f'width="{right - LEFT}" height="{ROW}"/></clipPath>',
            f'<polygon class="good" clip-path="url(#{clip})" points="{self._band()}"/>',
            f'<path class="axis" d="M {LEFT} {self._top} V {bottom} H {right}"/>',
            f'<line class="zero" x1="{LEFT}" x2="{right}" y1="{self._y(0):.1f}" '
            f'y2="{self._y(0):.1f}"/>',
            text(LEFT, self._top - 10, name, "strong"),
        ]
        for value in range(LEAST, MOST + 1, 50):
            if value % 100 == 0:
                parts.append(
                    text(
                        LEFT - 8, self._y(value) + 4, f"{value:+}" if value else "0", "quiet", "end"
                    )
                )
        for value in range(0, self._most + 1, 500) if last else ():
            parts.append(text(self._x(value), bottom + 18, str(value), "quiet", "middle"))
        return parts

    def dot(self, true: int, told: int, colour: str) -> str:
        off = told - true
        x, y = self._x(true), self._y(max(LEAST, min(off, MOST)))
        if off < LEAST:
            # It lies further down.
            return (
                f'<path class="dot" d="M {x - 4:.1f} {y - 7:.1f} h 8 l -4 7 z" fill="{colour}" '
                f'fill-opacity="0.8"><title>{off:+}</title></path>'
            )
        return (
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}" '
            f'fill-opacity="0.8"><title>{off:+} of {true}</title></circle>'
        )

    def _x(self, value: float) -> float:
        return LEFT + (WIDTH - RIGHT - LEFT) * value / self._most

    def _y(self, value: float) -> float:
        return self._top + ROW * (MOST - value) / (MOST - LEAST)

    def _band(self) -> str:
        """Return the corners of the area in which GEH is below 5."""
        values = [self._most * i / 60 for i in range(61)]
        edges = [(value, _within(value, 1)) for value in values]
        edges += [(value, -_within(value, -1)) for value in reversed(values)]
        return " ".join(f"{self._x(a):.1f},{self._y(b):.1f}" for a, b in edges)


def _legend(colours: dict[str, str]) -> list[str]:
    parts = []
    x = WIDTH - RIGHT + 28
    for place, (name, colour) in enumerate(colours.items()):
        y = TOP + 14 + 24 * place
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{colour}"/>')
        parts.append(text(x + 14, y, name))
    y = TOP + 30 + 24 * len(colours)
    parts.append(f'<rect class="good" x="{x - 8}" y="{y - 13}" width="16" height="16"/>')
    parts.append(text(x + 14, y, "GEH below 5: good"))
    parts.append(text(x + 14, y + 24, f"▾ more than {-LEAST} missed", "quiet"))
    return parts


def _within(true: float, sign: int) -> float:
    """Return the difference d at which 2 d^2 / (2 true + sign d) is 25."""
    return (25 * sign + (625 + 400 * true) ** 0.5) / 4
