"""Passing a caller on: a REFER of ours and what comes of it (RFC 3515, RFC 4488, RFC 6665).

Theory of operation. The phone is *asked* by a REFER within the call to call somebody else. Once it
*accepted*, it tells by NOTIFY which responses that call gets; a good one is the end of ours. A
phone that hangs up by itself then has found its way, and one that says it will tell nothing
(``Refer-Sub: false``) is let go at once. In every other case the call goes on as it was, and who
asked learns why. A good word that comes after we gave up still ends the call: the caller is
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from sipmessage import URI

from signaling.sip.message import MAX_URI, PHRASES, Request, Response
from signaling.sip.timers import Timers

PATIENCE: Final = 30.0
"""Seconds that the phone and whom it calls may take."""

SIPFRAG: Final = "message/sipfrag"

_MARKS: Final = str.maketrans("", "", " -.()/")
"""What people write between the digits of a number."""

_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")
_HOST: Final = r"(?:[0-9A-Z.-]{1,253}|\[[0-9A-F:.]{2,45}\])(?::\d{1,5})?"
_ADDRESS: Final = re.compile(
    rf"(?:[\w.!~*'()%&=+$,;?/-]{{1,128}}@)?{_HOST}(?:;[\w.!~*'()%+$=-]{{1,64}}){{0,8}}",
    re.ASCII | re.IGNORECASE,
)
_STATUS: Final = re.compile(r"\s*SIP/2\.0[ \t]+([1-6]\d\d)\b", re.ASCII)


class State(Enum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    FAILED = "failed"


class Input(Enum):
    ACCEPT = "2xx"
    ACCEPT_IN_SILENCE = "2xx with Refer-Sub false"
    REFUSE = "3xx-6xx or none"
    PROGRESS = "NOTIFY of 1xx"
    SUCCESS = "NOTIFY of 2xx"
    FAILURE = "NOTIFY of 3xx-6xx"
    NO_MORE = "last NOTIFY without news"
    TIME_OUT = "30 s"
    BYE = "BYE"
    END = "end of the call"
    """Brought about by us."""


class Action(Enum):
    TELL = "tell"
    HANG_UP = "hang up"


_S, _I, _A = State, Input, Action

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, tuple[Action, ...]]]] = {
    (_S.ASKED, _I.ACCEPT): (_S.ACCEPTED, ()),
    (_S.ASKED, _I.ACCEPT_IN_SILENCE): (_S.TAKEN, (_A.TELL, _A.HANG_UP)),
    (_S.ASKED, _I.REFUSE): (_S.FAILED, (_A.TELL,)),
    # A NOTIFY may overtake the response (RFC 3515 §2.4.4).
    (_S.ASKED, _I.PROGRESS): (_S.ACCEPTED, ()),
    (_S.ASKED, _I.SUCCESS): (_S.TAKEN, (_A.TELL, _A.HANG_UP)),
    (_S.ASKED, _I.FAILURE): (_S.FAILED, (_A.TELL,)),
    (_S.ASKED, _I.NO_MORE): (_S.FAILED, (_A.TELL,)),
    (_S.ASKED, _I.TIME_OUT): (_S.FAILED, (_A.TELL,)),
    (_S.ASKED, _I.BYE): (_S.FAILED, (_A.TELL,)),
    (_S.ASKED, _I.END): (_S.FAILED, (_A.TELL,)),
    (_S.ACCEPTED, _I.SUCCESS): (_S.TAKEN, (_A.TELL, _A.HANG_UP)),
    (_S.ACCEPTED, _I.FAILURE): (_S.FAILED, (_A.TELL,)),
    (_S.ACCEPTED, _I.NO_MORE): (_S.FAILED, (_A.TELL,)),
    (_S.ACCEPTED, _I.TIME_OUT): (_S.FAILED, (_A.TELL,)),
    (_S.ACCEPTED, _I.BYE): (_S.TAKEN, (_A.TELL,)),
    (_S.ACCEPTED, _I.END): (_S.FAILED, (_A.TELL,)),
    (_S.FAILED, _I.SUCCESS): (_S.TAKEN, (_A.HANG_UP,)),
}
"""What is not in the table changes nothing."""


class Caller(Protocol):
    """The call whose caller is passed on."""

    def hang_up(self, now: float) -> None: ...


class Transfer:
    """One REFER.

    :param told: what came of it, once: empty if the caller was taken, or else why not.
    """

    def __init__(self, call: Caller, timers: Timers, told: Callable[[str], None]) -> None:
        self.state = State.ASKED
        self._call = call
        self._timers = timers
        self._told = told
        self._why = ""
        self._id = ""
        self._subscribed = True

    @property
    def is_taken(self) -> bool:
        return self.state is State.TAKEN

    @property
    def is_over(self) -> bool:
        return self.state in (State.TAKEN, State.FAILED)

    def begin(self, now: float) -> None:
        """From now on the phone and whom it calls have :data:`PATIENCE`."""
        self._timers.set((self, Input.TIME_OUT), now + PATIENCE, self._time_out)

    def goes_under(self, cseq: int) -> None:
        """The REFER is sent under that number; under another one after it was challenged."""
        self._id = str(cseq)

    def hear(self, answer: Response | None, now: float) -> None:
        """The final response to the REFER; None: it got none."""
        if answer is None:
            self._feed(Input.REFUSE, now, "the caller's phone does not answer")
        elif answer.code >= 300:
            self._subscribed = False
            self._feed(Input.REFUSE, now, f"the caller's phone refuses: {_named(answer.code)}")
        elif (answer.headers.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false":
            self._subscribed = False
            self._feed(Input.ACCEPT_IN_SILENCE, now)
        else:
            self._feed(Input.ACCEPT, now)

    def notify(self, asked: Request, now: float) -> int:
        """Take a NOTIFY of the call: the code of its response (RFC 6665 §4.1.3)."""
        if not self._subscribed or not self._is_about_this(asked):
            return 481
        kind = (asked.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if asked.body and kind != SIPFRAG:
            return 415
        status = _STATUS.match(asked.body.decode(errors="replace"))
        if asked.body and status is None:
            return 400
        state = (asked.headers.get("Subscription-State") or "").partition(";")[0].strip().lower()
        self._subscribed = state != "terminated"
        code = int(status[1]) if status is not None else 100
        if code >= 300:
            self._feed(Input.FAILURE, now, f"the other side answers {_named(code)}")
        elif code >= 200:
            self._feed(Input.SUCCESS, now)
        elif self._subscribed:
            self._feed(Input.PROGRESS, now)
        else:
            self._feed(Input.NO_MORE, now, "the caller's phone gave it up")
        return 200

    def _is_about_this(self, asked: Request) -> bool:
        """The first of a call needs no id (RFC 3515 §2.4.6)."""
        event, _, parameters = (asked.headers.get("Event") or "").partition(";")
        given = re.search(r"(?:^|;)\s*id\s*=\s*([^;\s]*)", parameters, re.IGNORECASE)
        return event.strip().lower() == "refer" and (given is None or given[1] == self._id)

    def bye(self, now: float) -> None:
        """The phone hung up."""
        self._feed(Input.BYE, now, "the caller hung up")

    def end(self, now: float) -> None:
        """The call is over, whoever ended it."""
        self._feed(Input.END, now, "the call ended")
        self._timers.cancel((self, Input.TIME_OUT))

    def _time_out(self, now: float) -> None:
        self._feed(Input.TIME_OUT, now, f"nobody took the call within {PATIENCE:.0f} s")

    def _feed(self, what: Input, now: float, why: str = "") -> None:
        found = TRANSITIONS.get((self.state, what))
        if found is None:
            return
        self.state, actions = found
        if self.is_over:
            self._timers.cancel((self, Input.TIME_OUT))
        for action in actions:
            if action is Action.TELL:
                self._told(why if self.state is State.FAILED else "")
            else:
                self._call.hang_up(now)


def _named(code: int) -> str:
    return f"{code} {PHRASES.get(code, '')}".rstrip()


def refer_to(target: str, domain: str) -> str:
    """The URI that a caller is passed on to.

    :param target: a phone number as people write it, or a SIP address.
    :param domain: whose numbers they are: host and port of the caller's own address.
    :raises ValueError: it is neither; one sentence says so.
    """
    target = target.strip()
    if len(target) > MAX_URI:
        raise ValueError("the target is too long")
    scheme, colon, rest = target.partition(":")
    if colon and scheme.lower() == "tel":
        target, colon = rest, ""
    number = target.translate(_MARKS)
    if not colon and _NUMBER.fullmatch(number):
        return f"sip:{number.replace('#', '%23')}@{domain};user=phone"
    if colon and scheme.lower() in ("sip", "sips"):
        address = rest
    elif "@" in target:
        scheme, address = "sip", target
    else:
        raise ValueError("the target is no phone number and no SIP address")
    uri = f"{scheme.lower()}:{address}"
    asks_for_more = ";method=" in address.rpartition("@")[2].lower()
    if not _ADDRESS.fullmatch(address) or asks_for_more or not _is_uri(uri):
        raise ValueError("the target is no SIP address")
    return uri


def _is_uri(text: str) -> bool:
    try:
        return bool(URI.parse(text).host)
    except (ValueError, TypeError):
        return False


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.ASKED.value}"]
    for (state, what), (following, actions) in TRANSITIONS.items():
        done = f" / {', '.join(action.value for action in actions)}" if actions else ""
        lines.append(f"    {state.value} --> {following.value}: {what.value}{done}")
    return "\n".join(lines)
