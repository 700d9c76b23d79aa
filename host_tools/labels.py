"""Sheets of labels: a QR code that says which node it is, and the same for people. No secret."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import segno
from reportlab.graphics import renderPDF, renderSVG
from reportlab.graphics.shapes import Drawing, Group, Rect, String
from reportlab.lib.colors import black
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from host_tools import label_png
from host_tools.errors import UserError

# A4 with 3 x 8 labels of 70 x 37 mm, the commonest sheet for a laser printer.
SHEET = (210 * mm, 297 * mm)
COLUMNS, ROWS = 3, 8
A_SHEET = COLUMNS * ROWS
LABEL = (70 * mm, 37 * mm)
TOP = (SHEET[1] - ROWS * LABEL[1]) / 2
MARGIN = 5 * mm
# ISO/IEC 18004: four modules of nothing around it; the smallest code has 21 in these 25 mm, so the
# margin must be 4.8 mm.
QR_SIDE = 25 * mm
TEXT_X = MARGIN + QR_SIDE + 3 * mm
TEXT_WIDTH = LABEL[0] - TEXT_X - MARGIN / 2
NAME_SIZE, LINE_SIZE = 15, 7.5
SCHEME = "kista:"


@dataclass(frozen=True)
class Label:
    """What stands on one label; what is empty is left out."""

    node: str
    mac: str = ""
    board: str = ""
    made: datetime.date | None = None


def claim_text(node: str, base_url: str = "") -> str:
    """Return what the QR code says: `kista:NODE`, or the node below a URL of the house's own."""
    return f"{base_url.rstrip('/')}/{node}" if base_url else SCHEME + node


def write(labels: list[Label], out: Path, skip: int = 0, base_url: str = "") -> int:
    """Write the labels as PDF, SVG or PNG, by `out`'s ending; return how many sheets they fill.

    The first `skip` places of the first sheet stay empty: they were used before.
    """
    places: list[Label | None] = [*([None] * skip), *labels]
    sheets = [places[at : at + A_SHEET] for at in range(0, len(places), A_SHEET)]
    if out.suffix not in (".pdf", ".svg", ".png"):
        raise UserError(f"{out}: write .pdf, .svg or .png")
    if out.suffix != ".pdf" and len(sheets) > 1:
        raise UserError(f"{out}: one sheet of {A_SHEET} labels only; write a .pdf")
    try:
        if out.suffix == ".svg":
            out.write_text(renderSVG.drawToString(_sheet(sheets[0], base_url)))
        elif out.suffix == ".png":
            label_png.write(_sheet(sheets[0], base_url), out)
        else:
            # Invariant: the same labels are the same bytes.
            canvas = Canvas(str(out), SHEET, invariant=1)
            for sheet in sheets:
                renderPDF.draw(_sheet(sheet, base_url), canvas, 0, 0)
                canvas.showPage()
            canvas.save()
    except OSError as error:
        raise UserError(f"{out}: {error.strerror}") from None
    return len(sheets)


def _sheet(places: list[Label | None], base_url: str) -> Drawing:
    drawing = Drawing(*SHEET)
    for number, label in enumerate(places):
        if label:
            row, column = divmod(number, COLUMNS)
            group = _label(label, base_url)
            group.translate(column * LABEL[0], SHEET[1] - TOP - (row + 1) * LABEL[1])
            drawing.add(group)
    return drawing


def _label(label: Label, base_url: str) -> Group:
    """Return one label, its lower left corner at (0, 0)."""
    group = Group()
    for x, y, width, side in _modules(claim_text(label.node, base_url)):
        group.add(Rect(MARGIN + x, MARGIN + y, width, side, fillColor=black, strokeColor=None))
    lines = [label.mac, label.board, label.made.isoformat() if label.made else ""]
    y = MARGIN + QR_SIDE - NAME_SIZE
    group.add(_text(label.node, TEXT_X, y, NAME_SIZE, "Helvetica-Bold"))
    for line in filter(None, lines):
        y -= 1.6 * LINE_SIZE
        group.add(_text(line, TEXT_X, y, LINE_SIZE, "Helvetica"))
    return group


def _text(text: str, x: float, y: float, size: float, font: str) -> String:
    """Return a line, smaller where it would leave the label."""
    size = min(size, size * TEXT_WIDTH / stringWidth(text, font, size))
    return String(x, y, text, fontName=font, fontSize=size)


def _modules(text: str) -> list[tuple[float, float, float, float]]:
    """Return the QR code's dark runs as (x, y, width, height), within QR_SIDE."""
    matrix = segno.make_qr(text, error="m").matrix
    side = QR_SIDE / len(matrix)
    found = []
    for number, line in enumerate(matrix):
        column = 0
        while column < len(line):
            run = column
            while run < len(line) and line[run]:
                run += 1
            if run > column:
                y = QR_SIDE - (number + 1) * side
                found.append((column * side, y, (run - column) * side, side))
            column = run + 1
    return found
