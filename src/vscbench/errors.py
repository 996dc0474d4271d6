"""The one exception that stands for a user's mistake."""

LONGEST = 1000
"""Characters of a line: libraries repeat whatever a damaged file holds."""


class UserError(Exception):
    """A mistake that the user can mend: shown as one line, exit status 2, no traceback."""

    def __str__(self) -> str:
        lines = super().__str__().split("\n")
        return "\n".join(line if len(line) <= LONGEST else f"{line[:LONGEST]}..." for line in lines)
