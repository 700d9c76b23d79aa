"""Asks nodes for frames that were acknowledged and never came: a broker has forgotten them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator

from host_tools.ingest import report
from host_tools.ingest.messages import ROOT

# One node is looked at in a turn, so that a city's thousands do not stop the rows.
TURN_S = 0.2
# The node holds eight requests; what is left is asked for the next time.
SPANS_MOST = 4
# A span that does not come although it was asked for is asked for ever more rarely.
AGAIN_AFTER = 4


class Repair:
    """`publish(topic, payload)`; `after_s`: a number missing for so long is asked for."""

    def __init__(self, publish: Callable[[str, bytes], None], after_s: float) -> None:
        self._publish = publish
        self._after_s = after_s
        # (node, span): when to ask for it, and how long to wait then.
        self._due: dict[tuple[str, report.Span], tuple[float, float]] = {}
        self._round: Iterator[tuple[int, str]] = iter(())
        self._next_turn = self._next_round = 0.0
        self.asked = 0

    def step(self, db: sqlite3.Connection, now_s: float) -> None:
        """Look at one node if it is time to; `now_s`: a clock that does not jump."""
        if now_s < self._next_turn:
            return
        self._next_turn = now_s + TURN_S
        node = next(self._round, None)
        if node is not None:
            self._look(db, *node, now_s)
        elif now_s >= self._next_round:
            self._next_round = now_s + self._after_s / 2
            self._round = iter(db.execute("SELECT id, name FROM nodes ORDER BY id").fetchall())

    def _look(self, db: sqlite3.Connection, node: int, name: str, now_s: float) -> None:
        missing, _ = report.gaps_of(db, node)
        known = {key: due for key, due in self._due.items() if key[0] == name}
        for key in known:
            del self._due[key]
        asked = 0
        for span in missing:
            due, wait = known.get((name, span), (now_s + self._after_s, self._after_s))
            if now_s >= due and asked < SPANS_MOST:
                asked += 1
                self._ask(name, span)
                due, wait = now_s + AGAIN_AFTER * wait, AGAIN_AFTER * wait
            self._due[name, span] = due, wait

    def _ask(self, name: str, span: report.Span) -> None:
        request = {"id": f"{span[0]}-{span[1]}", "first": span[0], "last": span[1]}
        self._publish(f"{ROOT}/{name}/command/resend", json.dumps(request).encode())
        self.asked += 1
