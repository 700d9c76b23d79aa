"""A sheet of labels as pixels, for printers and programs that take no PDF."""

from __future__ import annotations

from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.graphics.shapes import Drawing, Group, Rect, String

DOTS_PER_INCH = 300
SCALE = DOTS_PER_INCH / 72
FONTS = Path(reportlab.__path__[0]) / "fonts"
BOLD, USUAL = FONTS / "VeraBd.ttf", FONTS / "Vera.ttf"
# Vera is wider than Helvetica, for which the sizes are chosen.
NARROWER = 0.85


def write(sheet: Drawing, out: Path) -> None:
    """Write a drawing of rectangles and lines of text, black on white."""
    size = (round(sheet.width * SCALE), round(sheet.height * SCALE))
    picture = Image.new("1", size, 1)
    _draw(ImageDraw.Draw(picture), sheet, 0.0, 0.0, sheet.height)
    picture.save(out, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))


def _draw(pen: ImageDraw.ImageDraw, of: Group | Drawing, x: float, y: float, height: float) -> None:
    """Draw what is in a group whose corner is at (x, y), points from the lower left."""
    for shape in of.contents:
        if isinstance(shape, Group):
            # Groups are moved only, neither turned nor stretched.
            _draw(pen, shape, x + shape.transform[4], y + shape.transform[5], height)
        elif isinstance(shape, Rect):
            left, top = _dot(x + shape.x, height - y - shape.y - shape.height)
            right, bottom = _dot(x + shape.x + shape.width, height - y - shape.y)
            # To where the next one begins: no white between two dark modules.
            pen.rectangle((left, top, right - 1, bottom - 1), fill=0)
        elif isinstance(shape, String):
            path = BOLD if shape.fontName.endswith("Bold") else USUAL
            font = ImageFont.truetype(str(path), shape.fontSize * SCALE * NARROWER)
            place = _dot(x + shape.x, height - y - shape.y)
            pen.text(place, shape.text, fill=0, font=font, anchor="ls")


def _dot(x: float, y: float) -> tuple[int, int]:
    return round(x * SCALE), round(y * SCALE)
