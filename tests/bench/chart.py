"""The chart of docs/frame.md: bytes per value, a panel for each log, a bar for each codec."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH = 860
LEFT, RIGHT = 210, 70
BAR, GAP = 15, 5
TOP, PANEL_TOP, PANEL_BOTTOM = 86, 34, 26
OURS = "Kista frame"
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24313d; }
  .title { font-size: 18px; font-weight: 600; }
  .panel { font-weight: 600; }
  .quiet { fill: #66727d; }
  .bar { fill: #a9b8c4; }
  .ours { fill: #00796b; }
  .strong { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e3e9ee; } .quiet { fill: #9aa7b2; }
    .bar { fill: #55636f; } .ours { fill: #4db6a5; }
  }
"""


def draw(found: dict[str, dict[str, list[float]]], rows: tuple[int, ...]) -> str:
    """Return an SVG. found: {log: {codec: bytes per value at `rows`}}; the first of `rows` counts.

    A bar that would leave the panel is cut and says so with an arrow.
    """
    parts = []
    y = TOP
    for name, sizes in found.items():
        parts += _panel(name, sizes, y)
        y += PANEL_TOP + len(sizes) * (BAR + GAP) + PANEL_BOTTOM
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">',
        "<title>Bytes per value of Kista's frame and of its peers</title>",
        f"<style>{STYLE}</style>",
        text(24, 34, f"Bytes per value, frames of {rows[0]} rows", "title"),
        text(24, 56, "Everything counted, on the same rows; shorter is better.", "quiet"),
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def _panel(name: str, sizes: dict[str, list[float]], y: int) -> list[str]:
    parts = [text(24, y + 14, name, "panel")]
    most = 2.2 * sorted(one[0] for one in sizes.values())[len(sizes) // 2]
    room = WIDTH - LEFT - RIGHT
    for i, (codec, values) in enumerate(sorted(sizes.items(), key=lambda item: -item[1][0])):
        top = y + PANEL_TOP + i * (BAR + GAP)
        cut = values[0] > most
        width = room if cut else room * values[0] / most
        kind = "ours" if codec == OURS else "bar"
        strong = "strong" if codec == OURS else ""
        parts.append(text(LEFT - 10, top + 12, codec, strong, "end"))
        parts.append(
            f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        )
        label = f"{values[0]:.3f}" + (" →" if cut else "")
        parts.append(text(LEFT + width + 6, top + 12, label, strong or "quiet"))
    return parts


def text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )
