"""What the node can be told over MQTT: {name: function(arguments) -> what the reply says}."""

from micropython import const

from gateway.settings import TRIAL_S

_RESET_AFTER_MS = const(5000)
_IDENTIFY_S = const(60)
_IDENTIFY_MOST_S = const(3600)


class Commands:
    """`settings`: keeps a configuration for the next boot; None: this place has no room for one.

    A function raises ValueError for what it cannot do.
    """

    def __init__(self, node, resends, settings):
        self._node = node
        self._resends = resends
        self._settings = settings
        self.reset_at = None
        self._changing = False
        self.identify_until_ms = 0

    def table(self):
        """Return {name: function}."""
        return {
            "resend": self._resend,
            "config": self._config,
            "reboot": self._reboot,
            "identify": self._identify,
            "health": self._health,
            "hours": self._hours,
            "calibrate": self._calibrate,
        }

    def step(self):
        """Reset when that is due: answers and frames have had time to leave."""
        node = self._node
        if self._changing and node.uplink.announced():
            # Rows under the new configuration can be read even if it never reaches the broker.
            self._changing = False
            try:
                self._settings.begin_trial()
                self.reset_soon()
            except OSError as error:
                node.health.say("configuration cannot be kept: %s" % error)
        if self.reset_at is not None and node.clock.uptime_ms() >= self.reset_at:
            node.hal.reset()

    def reset_soon(self):
        """Commit what there is; reset in a few seconds."""
        self._node.stop()
        if self.reset_at is None:
            self.reset_at = self._node.clock.uptime_ms() + _RESET_AFTER_MS

    def _resend(self, arguments):
        return {"frames": self._resends.ask(arguments)}

    def _health(self, arguments):
        # Retained on its own topic; too long to go out twice.
        self._node.uplink.want_health()
        return {}

    def _hours(self, arguments):
        hours = arguments.get("hours", 0)
        self._node.hours.set(arguments.get("sensor"), hours)
        return {"hours": hours}

    def _calibrate(self, arguments):
        label, ppm = arguments.get("sensor"), arguments.get("ppm")
        for stream in self._node.streams:
            for sampler in stream.samplers:
                if sampler.label == label:
                    sampler.calibrate(ppm)
                    return {"within_ms": stream.period_ms}
        raise ValueError("sensor: there is none called %r" % label)

    def _reboot(self, arguments):
        self.reset_soon()
        return {}

    def _identify(self, arguments):
        seconds = arguments.get("seconds", _IDENTIFY_S)
        if not isinstance(seconds, int) or not 0 <= seconds <= _IDENTIFY_MOST_S:
            raise ValueError("seconds: needs a whole number from 0 to %d" % _IDENTIFY_MOST_S)
        self.identify_until_ms = self._node.clock.uptime_ms() + seconds * 1000
        return {"seconds": seconds}

    def _config(self, arguments):
        if self._settings is None:
            raise ValueError("no configuration can be kept here")
        if self._changing or self.reset_at is not None:
            raise ValueError("a restart is due already: send it again after that")
        from gateway import judge

        node = self._node
        try:
            text, schemas = judge.change(
                arguments, node.config, self._settings.read_board(), node.hal.store
            )
        finally:
            judge.forget()
        self._settings.keep(text)
        node.uplink.announce(schemas)
        self._changing = True
        return {"trial_s": TRIAL_S}
