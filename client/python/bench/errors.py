"""What stops a measurement."""


class BenchError(Exception):
    """A measurement that cannot be made; the text says why, in one line."""
