"""`kista ingest`: what nodes publish, into a database."""

from __future__ import annotations

import signal
import sys
import threading
import time

import click

from host_tools import tls
from host_tools.ingest.worker import ASK_AFTER_S, Worker
from host_tools.urls import parse_broker, parse_database

REDRAW_S = 0.5
SAY_EVERY_S = 10.0


class Progress:
    """One line that is written anew on a terminal; elsewhere a line when something has changed."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._terminal = sys.stdout.isatty()
        self._last = ""
        self._next = 0.0

    def __call__(self, final: bool = False) -> None:
        now = time.monotonic()
        if now < self._next and not final:
            return
        self._next = now + (REDRAW_S if self._terminal else SAY_EVERY_S)
        line = self._line()
        if not (final or self._worker.ready.is_set()):
            line += " (no broker)"
        if self._terminal:
            click.echo(f"\r\x1b[K{line}", nl=final)
        elif line != self._last:
            click.echo(line)
        self._last = line

    def say(self, line: str) -> None:
        """Put a line of its own on stderr."""
        if self._terminal:
            click.echo("\r\x1b[K", nl=False)
        click.echo(f"kista: {line}", err=True)

    def _line(self) -> str:
        counts = self._worker.counts
        return (
            f"frames={counts['frames']} rows={counts['rows']} values={counts['values']}"
            f" again={counts['duplicates']} waiting={counts['waiting']} aside={counts['aside']}"
            f" asked={counts['asked']}"
        )


@click.command()
@click.option("--broker", "broker_url", required=True, help="mqtt[s]://[USER:PASSWORD@]HOST[:PORT]")
@click.option("--db", "db_url", required=True, help="sqlite:///FILE, made if need be.")
@click.option(
    "--until-idle",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End when nothing new came for so long [run until stopped].",
)
@click.option(
    "--ask-after",
    type=click.FloatRange(0),
    default=ASK_AFTER_S,
    show_default=True,
    metavar="SECONDS",
    help="Ask the node again for a frame that a broker has lost for so long; 0: never.",
)
@tls.options
def command(broker_url, db_url, until_idle, ask_after, authority, certificate, key) -> None:
    """Take what nodes publish into a database, each frame once.

    A message is acknowledged after its rows are on the disk: stop it or kill it at any time, the
    broker keeps what comes meanwhile. Run one for each database.
    """
    worker = Worker(
        parse_broker(broker_url),
        parse_database(db_url),
        lambda line: progress.say(line),
        tls.Identity(authority, certificate, key),
        ask_after,
    )
    progress = Progress(worker)
    interrupted = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if number == signal.SIGINT:
            interrupted.set()
        worker.stop()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        worker.run(until_idle, progress)
        progress(final=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted.is_set():
        raise KeyboardInterrupt
