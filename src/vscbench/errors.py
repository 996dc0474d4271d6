"""The one exception that stands for a user's mistake."""


class UserError(Exception):
    """A mistake that the user can mend: shown as one line, exit status 2, no traceback."""
