"""The states of a call; see :mod:`signaling.sip.call`."""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    OFFERED = "offered"
    ANSWERED = "answered"
    """The ACK is awaited."""
    PROPOSED = "proposed"
    """The same, with the answer to our offer."""
    LEAVING = "leaving"
    """The ACK is awaited, and then we hang up."""
    ESTABLISHED = "established"
    REOFFERED = "offered again"
    UPDATED = "update offered"
    REFRESHING = "refreshing"
    """The answer to an INVITE of ours is awaited."""
    ENDED = "ended"


class Input(Enum):
    ACCEPT = "accept"
    PROPOSE = "propose"
    REFUSE = "refuse"
    OFFER = "INVITE"
    UPDATE = "UPDATE"
    ACK = "ACK"
    NO_ANSWER = "ACK without answer"
    NO_ACK = "no ACK"
    """For 32 s."""
    CANCEL = "CANCEL"
    BYE = "BYE"
    HANG_UP = "hang up"
    REFRESH = "refresh"
    AGREED = "2xx"
    CHANGED = "2xx with another answer"
    REFUSED = "3xx-6xx or none"


class Action(Enum):
    NONE = "-"
    ANSWER = "2xx"
    ANSWER_ONCE = "2xx once"
    """No ACK follows."""
    REFUSE = "refuse"
    TELL_OFFER = "tell offer"
    TELL_ANSWER = "tell answer"
    TERMINATE = "487"
    INVITE = "INVITE"
    BYE = "BYE"


_S, _I, _A = State, Input, Action

TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, tuple[Action, ...]]]] = {
    (_S.OFFERED, _I.ACCEPT): (_S.ANSWERED, (_A.ANSWER,)),
    (_S.OFFERED, _I.PROPOSE): (_S.PROPOSED, (_A.ANSWER,)),
    (_S.OFFERED, _I.REFUSE): (_S.ENDED, (_A.REFUSE,)),
    (_S.OFFERED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE,)),
    (_S.OFFERED, _I.CANCEL): (_S.ENDED, (_A.TERMINATE,)),
    (_S.ANSWERED, _I.ACK): (_S.ESTABLISHED, ()),
    (_S.ANSWERED, _I.NO_ACK): (_S.ENDED, (_A.BYE,)),
    (_S.ANSWERED, _I.BYE): (_S.ENDED, ()),
    (_S.ANSWERED, _I.HANG_UP): (_S.LEAVING, ()),
    (_S.PROPOSED, _I.ACK): (_S.ESTABLISHED, (_A.TELL_ANSWER,)),
    (_S.PROPOSED, _I.NO_ANSWER): (_S.ENDED, (_A.BYE,)),
    (_S.PROPOSED, _I.NO_ACK): (_S.ENDED, (_A.BYE,)),
    (_S.PROPOSED, _I.BYE): (_S.ENDED, ()),
    (_S.PROPOSED, _I.HANG_UP): (_S.LEAVING, ()),
    (_S.LEAVING, _I.ACK): (_S.ENDED, (_A.BYE,)),
    (_S.LEAVING, _I.NO_ACK): (_S.ENDED, (_A.BYE,)),
    (_S.LEAVING, _I.BYE): (_S.ENDED, ()),
    (_S.ESTABLISHED, _I.OFFER): (_S.REOFFERED, (_A.TELL_OFFER,)),
    (_S.ESTABLISHED, _I.UPDATE): (_S.UPDATED, (_A.TELL_OFFER,)),
    (_S.ESTABLISHED, _I.BYE): (_S.ENDED, ()),
    (_S.ESTABLISHED, _I.HANG_UP): (_S.ENDED, (_A.BYE,)),
    (_S.REOFFERED, _I.ACCEPT): (_S.ANSWERED, (_A.ANSWER,)),
    (_S.REOFFERED, _I.PROPOSE): (_S.PROPOSED, (_A.ANSWER,)),
    (_S.REOFFERED, _I.REFUSE): (_S.ESTABLISHED, (_A.REFUSE,)),
    (_S.REOFFERED, _I.CANCEL): (_S.ESTABLISHED, (_A.TERMINATE,)),
    (_S.REOFFERED, _I.BYE): (_S.ENDED, (_A.TERMINATE,)),
    (_S.REOFFERED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE, _A.BYE)),
    (_S.UPDATED, _I.ACCEPT): (_S.ESTABLISHED, (_A.ANSWER_ONCE,)),
    (_S.UPDATED, _I.REFUSE): (_S.ESTABLISHED, (_A.REFUSE,)),
    (_S.UPDATED, _I.BYE): (_S.ENDED, (_A.TERMINATE,)),
    (_S.UPDATED, _I.HANG_UP): (_S.ENDED, (_A.REFUSE, _A.BYE)),
    (_S.ESTABLISHED, _I.REFRESH): (_S.REFRESHING, (_A.INVITE,)),
    (_S.REFRESHING, _I.AGREED): (_S.ESTABLISHED, ()),
    (_S.REFRESHING, _I.CHANGED): (_S.ESTABLISHED, (_A.TELL_ANSWER,)),
    (_S.REFRESHING, _I.REFUSED): (_S.ESTABLISHED, ()),
    (_S.REFRESHING, _I.BYE): (_S.ENDED, ()),
    (_S.REFRESHING, _I.HANG_UP): (_S.ENDED, (_A.BYE,)),
}
"""What is not in the table changes nothing: a CANCEL that comes after the answer, for one."""


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.OFFERED.value.replace(' ', '_')}"]
    for (state, what), (following, actions) in TRANSITIONS.items():
        done = f" / {', '.join(action.value for action in actions)}" if actions else ""
        end = "[*]" if following is State.ENDED else following.value.replace(" ", "_")
        lines.append(f"    {state.value.replace(' ', '_')} --> {end}: {what.value}{done}")
    return "\n".join(lines)
