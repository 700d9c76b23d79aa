"""What stands for the spool where the flash cannot be used: it takes nothing and has nothing."""


class NoSpool:
    """The parts of a Spool that a node without sensors calls."""

    def stats(self):
        return {"corrupt": 0, "recovered_rows": 0, "commits": 0, "next_seq": None, "erases": 0}

    def kept(self):
        return 0, 0

    def lost(self):
        return []

    def coding(self):
        return False

    def pending(self):
        return 0

    def idle(self):
        return True

    def step(self):
        return 5000

    def commit(self):
        pass

    def get(self, seq):
        return None

    def next(self, after):
        return None

    def latest(self):
        return None

    def set_anchor(self, unix_ms):
        pass
