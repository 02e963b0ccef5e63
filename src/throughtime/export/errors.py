"""What cannot be exported."""


class ExportError(ValueError):
    """A model cannot be written in the form asked for; the message says why, and what can."""
