"""How long the sensors that age by being awake were so, kept over reboots."""

import json

from micropython import const

# In NVS; a power cut costs what was not saved. 24 a day wear out nothing.
_SAVE_EVERY_MS = const(3600 * 1000)
_MINUTE_MS = const(60 * 1000)
_STORE_KEY = "awake_min"
_HOURS_MOST = const(1000000)
_LABELS_MOST = const(24)


class Hours:
    """`store`: the HAL's. A sensor is known by its label, so a new one must be told of: `set`."""

    def __init__(self, store):
        self._store = store
        self._minutes = {}
        try:
            for label, minutes in json.loads(store.get(_STORE_KEY) or b"{}").items():
                if type(minutes) is int and 0 <= minutes <= 60 * _HOURS_MOST:
                    self._minutes[label] = minutes
        except (ValueError, AttributeError):
            # Noise, or no object: no reason not to measure.
            pass
        self._samplers = []

    def add(self, sampler):
        """Count a sampler's sensor from now on."""
        self._samplers.append(sampler)
        sampler.hours = self._minutes.get(sampler.label, 0) // 60

    def step(self):
        """Save what has come together; return ms until the next time."""
        self.save()
        return _SAVE_EVERY_MS

    def save(self):
        """Save what has come together, if anything has."""
        changed = False
        for sampler in self._samplers:
            minutes = sampler.awake_ms // _MINUTE_MS
            if minutes:
                sampler.awake_ms -= minutes * _MINUTE_MS
                changed = True
                self._put(sampler, self._minutes.get(sampler.label, 0) + minutes)
        if changed:
            self._write()

    def set(self, label, hours):
        """Say how long a sensor has been awake, 0 for a new one; ValueError: none of that name."""
        if type(hours) is not int or not 0 <= hours <= _HOURS_MOST:
            raise ValueError("hours: needs a whole number from 0 to %d" % _HOURS_MOST)
        for sampler in self._samplers:
            if sampler.label == label:
                sampler.awake_ms = 0
                self._put(sampler, hours * 60)
                self._write()
                return
        raise ValueError("sensor: there is none called %r that ages by being awake" % label)

    def _put(self, sampler, minutes):
        self._minutes[sampler.label] = minutes
        sampler.hours = minutes // 60

    def _write(self):
        kept = self._minutes
        if len(kept) > _LABELS_MOST:
            # A configuration on trial has labels of its own, and those before it may come back.
            labels = [sampler.label for sampler in self._samplers]
            kept = self._minutes = {label: kept[label] for label in labels if label in kept}
        try:
            self._store.set(_STORE_KEY, json.dumps(kept).encode())
        except OSError:
            # A full store is no reason to stop measuring; the next hour is the next try.
            pass
