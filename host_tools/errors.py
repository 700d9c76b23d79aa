"""What a user can put right is a `UserError`: one line on the screen, not a traceback."""


class UserError(Exception):
    """Something outside the program is wrong; the message says what, and what to do about it."""
