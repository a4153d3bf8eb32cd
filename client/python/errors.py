"""What goes wrong in a call, by code."""


class ClientError(Exception):
    """A request that failed, or a call that could not be placed or held.

    `code` is the gateway's (`bad_request`, `no_session`, `unauthorized`, `capacity`, …) or one of
    the client's own: `unreachable` (nobody answers at the URL), `timeout` (no answer in time),
    `closed` (the connection or the call has ended), `media_failed` (no media path).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"
