"""Sampling goes on in time whatever the link does: connecting, draining, a broker that freezes."""

import json
import threading

import pytest
from fault_proxy import FaultProxy
from link_rig import listening, running, wait_for

from host_tools.broker import free_port
from host_tools.twin import audit, run
from host_tools.urls import Broker

NODE = "post-1"
PERIOD_MS = 10_000
BACKLOG_H = 4
WATCHED_H = 0.04
# A period passes in a second.
SPEED = 10


@pytest.mark.slow(30)
def test_every_period_has_its_row_while_the_link_has_trouble(tmp_path):
    flash = tmp_path / "flash"
    nobody = Broker("127.0.0.1", free_port())
    run.run(run.Plan(NODE, nobody, flash, hours=BACKLOG_H, drain=False), lambda event: None)
    begin = run.GENERATOR_START_MS + BACKLOG_H * run.HOUR_MS

    with (
        running("mosquitto", tmp_path) as port,
        listening(port, f"kista/1/{NODE}/frames") as frames,
        listening(port, f"kista/1/{NODE}/health") as reports,
        FaultProxy(port, 0.02) as proxy,
    ):
        plan = run.Plan(NODE, Broker("127.0.0.1", proxy.port), flash, hours=BACKLOG_H + WATCHED_H)
        plan.speed = SPEED
        trouble = threading.Thread(target=_trouble, args=(proxy, frames, plan.ledger), daemon=True)
        trouble.start()
        run.run(plan, lambda event: None)
        trouble.join(1)
        assert not trouble.is_alive() and len(frames) >= BACKLOG_H * 4
        ledger = audit.Ledger(plan.ledger)
        ledger.read()
        times = [row.time_ms for row in ledger.rows if row.stream == 0 and row.time_ms > begin]
        # The node was away for three seconds after its reset.
        first = times[0] // PERIOD_MS
        assert [time // PERIOD_MS for time in times] == list(range(first, first + len(times)))
        assert len(times) >= WATCHED_H * run.HOUR_MS / PERIOD_MS - 2
        assert json.loads(reports[-1])["late_ms"] < PERIOD_MS


def _trouble(proxy, frames, ledger):
    """Refuse for a while, let some of the backlog through, freeze, end the connection."""
    broker, proxy.target = proxy.target, free_port()
    wait_for(lambda: proxy.refused >= 2)
    proxy.target = broker
    wait_for(lambda: len(frames) >= 5)
    proxy.frozen = True
    lines = len(ledger.read_text().splitlines())
    wait_for(lambda: len(ledger.read_text().splitlines()) >= lines + 4)
    proxy.drop()
    proxy.frozen = False
