"""Frames that a node says on its console, as lines for people."""

from __future__ import annotations

import base64
import json

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame, schema
from host_tools.ingest import decimals
from host_tools.ingest.readings import iso

ROWS_SHOWN = 8
SCHEMA, FRAME = "S ", "F"


class FramesShown:
    """Knows the schemas that it heard; `lines` is handed everything that a node says."""

    def __init__(self) -> None:
        self._schemas: dict[bytes, dict] = {}

    def lines(self, said: str) -> list[str] | None:
        """Return what to show in place of `said`; None when it is neither schema nor frame."""
        try:
            if said.startswith(SCHEMA):
                text = said[len(SCHEMA) :].encode()
                self._schemas[schema.ident(text)] = json.loads(text)
                return []
            if said == FRAME:
                return ["no such frame, or none yet"]
            if said.startswith(FRAME + " "):
                return self._frame(base64.b64decode(said[2:], validate=True))
        except ValueError as error:
            return [f"a line that arrived damaged ({error})"]
        return None

    def _frame(self, data: bytes) -> list[str]:
        part = frame.decode(data)
        known = self._schemas.get(part.schema)
        name = known["stream"] if known else f"schema {part.schema.hex()}"
        which = f"frame {part.seq}" if part.seq is not None else "newest rows"
        found = [f"{which} of {name}: {part.rows} rows in {len(data)} bytes"]
        if part.rows > ROWS_SHOWN:
            found.append(f"  … {part.rows - ROWS_SHOWN} rows before")
        for row in range(max(0, part.rows - ROWS_SHOWN), part.rows):
            values = [column[row] for column in part.columns]
            found.append(f"  {_time(part, row)}  {_values(values, known)}")
        return found


def _time(part: frame.Frame, row: int) -> str:
    if part.quality:
        return iso(part.times[row])
    return f"{part.times[row] / 1000:.3f} s after its start"


def _values(values: list[int | None], known: dict | None) -> str:
    channels = known["channels"] if known else []
    if len(channels) != len(values):
        return ", ".join("-" if value is None else str(value) for value in values)
    return ", ".join(
        f"{name} -" if value is None else f"{name} {decimals.of(scale).text(value)} {unit}".strip()
        for (name, unit, scale), value in zip(channels, values)
    )
