"""The chart of docs/traffic.md for one lane's sensors: by how much a period's count is wrong."""

from __future__ import annotations

from tests.bench.chart import STYLE, text

WIDTH, LEFT, ROOM = 860, 190, 560
BAR, GAP, GROUP = 13, 3, 14
TOP = 92
# The goal in free flow.
GOAL = 5.0


def draw(found: dict[str, dict[str, float]]) -> str:
    """Return an SVG. found: {kind: {title of the hours: MAPE in percent}}."""
    most = max(GOAL * 1.2, *(value for bars in found.values() for value in bars.values()))
    y = TOP
    parts = []
    for kind, bars in found.items():
        height = len(bars) * (BAR + GAP)
        parts.append(text(LEFT - 12, y + height / 2 + 3, kind, "strong", "end"))
        for i, (title, value) in enumerate(bars.items()):
            style = "bar" if i else "ours"
            wide = ROOM * value / most
            size = f'width="{wide:.1f}" height="{BAR}" rx="2"'
            parts.append(f'<rect class="{style}" x="{LEFT}" y="{y}" {size}/>')
            said = f"{value:.1f} % {title}"
            parts.append(text(LEFT + wide + 6, y + BAR - 2, said, "quiet"))
            y += BAR + GAP
        y += GROUP
    goal = LEFT + ROOM * GOAL / most
    parts.append(
        f'<line x1="{goal:.1f}" x2="{goal:.1f}" y1="{TOP - 14}" y2="{y - GROUP}" '
        'stroke="#c0392b" stroke-dasharray="4 4"/>'
    )
    parts.append(text(goal + 6, TOP - 12, "goal in free flow", "quiet"))
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">',
        "<title>Error of five minutes' counts, by sensor and traffic</title>",
        f"<style>{STYLE}</style>",
        text(24, 34, "By how much five minutes' vehicles are wrong", "title"),
        text(
            24,
            56,
            "Mean of the absolute errors (MAPE) on a generated lane; shorter is better.",
            "quiet",
        ),
    ]
    return "\n".join([*head, *parts, "</svg>", ""])
