"""The chart of docs/traffic.md: each hour's count against the truth, and where GEH is 5."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 560
LEFT, TOP, RIGHT, BOTTOM = 80, 92, 280, 64
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24313d; }
  .title { font-size: 18px; font-weight: 600; }
  .quiet { fill: #66727d; }
  .axis { stroke: #66727d; stroke-width: 1; fill: none; }
  .good { fill: #00796b; fill-opacity: 0.10; }
  .exact { stroke: #00796b; stroke-width: 1; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e3e9ee; } .quiet { fill: #9aa7b2; } .axis { stroke: #9aa7b2; }
    .good { fill: #4db6a5; fill-opacity: 0.16; } .exact { stroke: #4db6a5; }
  }
"""
COLOURS = ("#1f77b4", "#17a2b8", "#9467bd", "#d62728", "#ff7f0e", "#8c564b")


def draw(points: dict[str, list[tuple[int, int]]]) -> str:
    """Return an SVG. points: {what the hours were: [(true, told) vehicles an hour, …]}."""
    most = max(max(pair) for pairs in points.values() for pair in pairs)
    step = 100 if most <= 1000 else 250
    most = -(-most // step) * step
    plot = _Plot(most)
    parts = [_band(plot, most)]
    for value in range(0, most + 1, step * (2 if most > 1500 else 1)):
        parts.append(_text(plot.x(value), HEIGHT - BOTTOM + 20, str(value), "quiet", "middle"))
        parts.append(_text(LEFT - 8, plot.y(value) + 4, str(value), "quiet", "end"))
    corner = f"M {LEFT} {TOP} V {HEIGHT - BOTTOM} H {WIDTH - RIGHT}"
    parts.append(f'<path class="axis" d="{corner}"/>')
    parts.append(
        f'<line class="exact" x1="{plot.x(0):.1f}" y1="{plot.y(0):.1f}" '
        f'x2="{plot.x(most):.1f}" y2="{plot.y(most):.1f}"/>'
    )
    for place, (name, pairs) in enumerate(points.items()):
        colour = COLOURS[place % len(COLOURS)]
        for true, told in pairs:
            parts.append(
                f'<circle cx="{plot.x(true):.1f}" cy="{plot.y(told):.1f}" r="4" '
                f'fill="{colour}" fill-opacity="0.75"/>'
            )
        y = TOP + 20 + 24 * place
        parts.append(f'<circle cx="{WIDTH - RIGHT + 28}" cy="{y - 4}" r="5" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 42, y, name))
    y = TOP + 40 + 24 * len(points)
    parts.append(
        f'<rect class="good" x="{WIDTH - RIGHT + 20}" y="{y - 14}" width="16" height="16"/>'
    )
    parts.append(_text(WIDTH - RIGHT + 42, y, "GEH below 5: good"))
    parts.append(_text(WIDTH - RIGHT + 42, y + 24, "dashed: exactly right", "quiet"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>Vehicles counted by radar and tracker against those that passed</title>",
        f"<style>{STYLE}</style>",
        _text(24, 34, "Vehicles an hour and direction: counted against passed", "title"),
        _text(24, 56, "LD2451 driver and tracker on a simulated street; a dot an hour.", "quiet"),
        _text(LEFT, TOP - 12, "counted", "quiet", "middle"),
        _text(middle, HEIGHT - 16, "passed the line, vehicles an hour", "quiet", "middle"),
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


class _Plot:
    def __init__(self, most: int) -> None:
        self._most = most

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - RIGHT - LEFT) * value / self._most

    def y(self, value: float) -> float:
        value = max(0.0, min(value, self._most))
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / self._most


def _band(plot: _Plot, most: int) -> str:
    """Return the area in which GEH is below 5."""
    values = [most * i / 60 for i in range(61)]
    upper = [(value, value + _within(value, 1)) for value in values]
    lower = [(value, value - _within(value, -1)) for value in reversed(values)]
    corners = " ".join(f"{plot.x(a):.1f},{plot.y(b):.1f}" for a, b in upper + lower)
    return f'<polygon class="good" points="{corners}"/>'


def _within(true: float, sign: int) -> float:
    """Return the difference d at which 2 d^2 / (2 true + sign d) is 25."""
    return (25 * sign + (625 + 400 * true) ** 0.5) / 4


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )
