from gateway import lamp


class Thing:
    """Anything with the attributes that it is given."""

    def __init__(self, **what):
        for name, value in what.items():
            setattr(self, name, value)


def _node(state="online", failed="", safe_mode=False):
    return Thing(
        health=Thing(safe_mode=safe_mode),
        uplink=Thing(state=state),
        clock=Thing(uptime_ms=lambda: 1000),
        commands=Thing(identify_until_ms=0),
        streams=[Thing(samplers=[Thing(failed=None), Thing(failed=failed)])],
    )


def _seen(node, ms):
    """Return (flashes in each group between pauses that was whole, longest dark time in ms)."""
    lit = []
    one = lamp.Lamp(lit.append)
    groups, count, longest = [], 0, 0
    now = 0
    while now < ms:
        wait = one.step(node)
        now += wait
        if lit[-1]:
            count += 1
        else:
            longest = max(longest, wait)
            if wait > 1000:
                groups.append(count)
                count = 0
    return groups, longest


def test_lamp_counts_to_what_is_wrong_first():
    for node, count in (
        (_node(), 1),
        (_node("no network"), 2),
        (_node("connecting"), 3),
        (_node("waiting", "does not answer"), 3),
        (_node(failed="does not answer"), 4),
    ):
        groups, _ = _seen(node, 30000)
        assert len(groups) > 5 and set(groups) == {count}, (count, groups)


def test_lamp_never_rests_when_the_node_needs_somebody():
    groups, longest = _seen(_node("no network", safe_mode=True), 60000)
    assert groups == [] and longest < 300


def test_lamp_shows_a_pattern_to_its_end_before_the_next():
    node = _node("no network")
    lit = []
    one = lamp.Lamp(lit.append)
    one.step(node)
    node.uplink.state = "online"
    waits = [one.step(node) for _ in range(5)]
    # Dark, the second flash, the pause; then one flash and the pause.
    assert lit == [True, False] * 3 and [wait > 1000 for wait in waits] == [False, False, True] + [
        False,
        True,
    ]


def test_lamp_flickers_while_somebody_looks_for_this_post():
    node = _node()
    node.commands.identify_until_ms = 2000
    lit = []
    one = lamp.Lamp(lit.append)
    waits = [one.step(node) for _ in range(6)]
    assert set(waits) == {50} and lit == [True, False] * 3
    node.commands.identify_until_ms = 1000
    assert _seen(node, 10000)[0][:2] == [1, 1]
