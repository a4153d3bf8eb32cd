"""What stops a measurement."""


class BenchError(Exception):
    """A measurement that cannot be made; the text says why, in one line."""


class Refused(BenchError):
    """The gateway answered that it will not: `code` is an HTTP status or its own error code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def is_its_own_fault(self) -> bool:
        """Whether the gateway failed rather than refused."""
        return self.code.startswith("5") or self.code == "internal"
