"""`kista twin`: one node on this PC, against any broker."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from host_tools.errors import UserError
from host_tools.twin import run
from host_tools.urls import parse_broker

SAY_EVERY_S = 2.0


class Speed(click.ParamType):
    name = "N|max"

    def convert(self, value, param, ctx):
        """Return simulated seconds a second; 0 stands for as fast as possible."""
        if value == "max":
            return 0
        try:
            speed = int(value)
        except ValueError:
            speed = 0
        if not 1 <= speed <= 100_000:
            self.fail(f"{value!r} is neither a whole number from 1 to 100000 nor max", param, ctx)
        return speed


class Hours(click.ParamType):
    name = "FROM-TO"

    def convert(self, value, param, ctx):
        """Return (from, to) in hours of the simulation."""
        try:
            first, last = (float(part) for part in value.split("-"))
        except ValueError:
            self.fail(f"{value!r} is not FROM-TO in hours, for example 6-10.5", param, ctx)
        if not 0 <= first < last:
            self.fail(f"{value!r} does not go forward", param, ctx)
        return first, last


class Printer:
    """Says on stdout what the node does, at most every two seconds."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, event: dict) -> None:
        if event["event"] == "status":
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + SAY_EVERY_S
            link = event["link"]
            state = link["state"] + (f" ({link['reason']})" if link["reason"] else "")
            click.echo(
                f"{_clock(event['now'])}  rows={event['rows']} waiting={event['waiting']} "
                f"delivered={link['acked']} link={state}"
            )
        elif event["event"] == "boot":
            click.echo(f"{_clock(event['now'])}  boot {event['boot']:08x}")
        elif event["event"] == "power_cut":
            click.echo(f"{_clock(event['now'])}  power cut in the middle of a flash write")
        elif event["event"] == "recording":
            for reason, count in event["skipped"].items():
                click.echo(f"recording: {count} lines skipped: {reason}")
            if event["rounded"]:
                click.echo(
                    f"recording: {event['rounded']} values rounded to the sensor's resolution"
                )
        else:
            click.echo(event.get("text", ""), nl=False)


def _clock(unix_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(unix_ms // 1000))


@click.command()
@click.option("--board", default="sim", show_default=True, help="Board file to simulate.")
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV to play through the sensors' bytes, many times if need be [a seeded generator].",
)
@click.option(
    "--flash",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that is the node's flash; a node started again with it goes on.",
)
@click.option("--broker", required=True, help="mqtt://HOST:PORT")
@click.option("--node", required=True, help="The node's id.")
@click.option(
    "--speed", type=Speed(), default="1", show_default=True, help="Simulated time / real time."
)
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--hours",
    type=click.FloatRange(0, min_open=True),
    help="Simulated hours [24, or the recording's]",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Streams and sensors (JSON).",
)
@click.option(
    "--outage",
    "outages",
    multiple=True,
    type=Hours(),
    help="No network in these hours; it is back at the end.",
)
@click.option(
    "--power-cut",
    "power_cuts",
    multiple=True,
    type=float,
    metavar="HOUR",
    help="Cut the power in the first flash write after this hour.",
)
@click.option(
    "--faults",
    is_flag=True,
    help="Sensors and the time server misbehave now and then, as the seed says.",
)
@click.option(
    "--drain/--no-drain", default=True, help="Wait until everything is delivered, or end at once."
)
def command(recordings, broker, config_file, **options) -> None:
    """Run one node on this PC: its own files, simulated hardware.

    Ends when the recording (or --hours) has ended and everything is delivered. What the node took
    and committed is written to FLASH.ledger, row by row.
    """
    settings = None
    if config_file:
        try:
            settings = json.loads(config_file.read_text())
        except ValueError as error:
            raise UserError(f"{config_file}: not JSON ({error})") from None
    plan = run.Plan(
        recordings=list(recordings),
        broker=parse_broker(broker),
        config=settings,
        outages=list(options.pop("outages")),
        power_cuts=list(options.pop("power_cuts")),
        **options,
    )
    run.run(plan, Printer())
    sys.stdout.flush()
