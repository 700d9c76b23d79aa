"""Forced calibration of a sensor: asked for once in years, so loaded when it is."""


def check(ppm, driver, label, failed, measured_ms):
    """ValueError says why a sensor cannot be calibrated to `ppm`, or not now."""
    least, most, seconds = getattr(driver, "CALIBRATES", (0, 0, 0))
    if not most:
        raise ValueError("sensor: %s cannot be calibrated" % label)
    if type(ppm) is not int or not least <= ppm <= most:
        raise ValueError("ppm: needs a whole number from %d to %d" % (least, most))
    if failed != "" or measured_ms < 1000 * seconds:
        raise ValueError("sensor: it must have measured for %d s" % seconds)


async def carry_out(sensor, ppm):
    """Calibrate; return in words what became of it."""
    try:
        moved = await sensor.calibrate(ppm)
    except (OSError, ValueError) as error:
        return "not calibrated to %d ppm (%s)" % (ppm, error)
    by = "" if moved is None else " (by %d)" % moved
    return "calibrated to %d ppm%s" % (ppm, by)
