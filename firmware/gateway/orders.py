"""Carries out what the node is told over MQTT: functions that return what the reply says.

`commands`: the Commands that was told. ValueError for what cannot be done.
"""

from micropython import const

from gateway.settings import TRIAL_S

_IDENTIFY_S = const(60)
_IDENTIFY_MOST_S = const(3600)


def _resend(commands, arguments):
    return {"frames": commands.resends.ask(arguments)}


def _health(commands, arguments):
    # Retained on its own topic; too long to go out twice.
    commands.node.uplink.want_health()
    return {}


def _hours(commands, arguments):
    hours = arguments.get("hours", 0)
    commands.node.hours.set(arguments.get("sensor"), hours)
    return {"hours": hours}


def _calibrate(commands, arguments):
    label, ppm = arguments.get("sensor"), arguments.get("ppm")
    for stream in commands.node.streams:
        for sampler in stream.samplers:
            if sampler.label == label:
                sampler.calibrate(ppm)
                return {"within_ms": stream.period_ms}
    raise ValueError("sensor: there is none called %r" % label)


def _reboot(commands, arguments):
    commands.reset_soon()
    return {}


def _identify(commands, arguments):
    seconds = arguments.get("seconds", _IDENTIFY_S)
    if not isinstance(seconds, int) or not 0 <= seconds <= _IDENTIFY_MOST_S:
        raise ValueError("seconds: needs a whole number from 0 to %d" % _IDENTIFY_MOST_S)
    commands.identify_until_ms = commands.node.clock.uptime_ms() + seconds * 1000
    return {"seconds": seconds}


def _config(commands, arguments):
    if commands.settings is None:
        raise ValueError("no configuration can be kept here")
    if commands.changing or commands.reset_at is not None:
        raise ValueError("a restart is due already: send it again after that")
    from gateway import judge

    node = commands.node
    try:
        text, schemas = judge.change(
            arguments, node.config, commands.settings.read_board(), node.hal.store
        )
    finally:
        judge.forget()
    commands.settings.keep(text)
    node.uplink.announce(schemas)
    commands.changing = True
    return {"trial_s": TRIAL_S}


ALL = {
    "resend": _resend,
    "config": _config,
    "reboot": _reboot,
    "identify": _identify,
    "health": _health,
    "hours": _hours,
    "calibrate": _calibrate,
}
