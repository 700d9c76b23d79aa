"""What the node can be told over MQTT, and what follows from it. orders.py carries it out."""

from micropython import const

from gateway.rarely import forget

_RESET_AFTER_MS = const(5000)


class Commands:
    """`settings`: keeps a configuration for the next boot; None: this place has no room for one."""

    def __init__(self, node, resends, settings):
        self.node = node
        self.resends = resends
        self.settings = settings
        self.reset_at = None
        self.identify_until_ms = 0
        # A new configuration is kept, and its schemas are on their way.
        self.changing = False

    def get(self, name):
        """Return what carries a command out, function(arguments) -> what the reply says; None:
        there is no such command. It raises ValueError for what it cannot do.
        """
        from gateway import orders

        order = orders.ALL.get(name)
        if order is None:
            forget("orders")
            return None

        def carry_out(arguments):
            try:
                return order(self, arguments)
            finally:
                forget("orders")

        return carry_out

    def step(self):
        """Reset when that is due: answers and frames have had time to leave."""
        node = self.node
        if self.changing and node.uplink.announced():
            # Rows under the new configuration can be read even if it never reaches the broker.
            self.changing = False
            try:
                self.settings.begin_trial()
                self.reset_soon()
            except OSError as error:
                node.health.say("configuration cannot be kept: %s" % error)
        if self.reset_at is not None and node.clock.uptime_ms() >= self.reset_at:
            node.hal.reset()

    def reset_soon(self):
        """Commit what there is; reset in a few seconds."""
        self.node.stop()
        if self.reset_at is None:
            self.reset_at = self.node.clock.uptime_ms() + _RESET_AFTER_MS
