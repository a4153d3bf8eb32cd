"""sipp as a phone that calls, by scenarios that try one thing each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.e2e.sipp import NOTHING, OK, sdp, sipp, written

_REQUEST: Final = """\
  <send{repeated}><![CDATA[
    {method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{branch}
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]-[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
    Call-ID: [call_id]
    CSeq: {number} {method}
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Max-Forwards: 70
    {extra}{body}
  ]]></send>
"""


def _asks(
    method: str,
    number: int = 1,
    *,
    branch: str = "",
    body: str = "",
    within: bool = True,
    extra: str = "",
    repeated: bool = True,
) -> str:
    """A request.

    :param branch: of its transaction; empty: one of its own for each method and number.
    :param within: in the call that a 2xx or 18x made.
    """
    return _REQUEST.format(
        method=method,
        number=number,
        branch=branch or f"{method}-{number}",
        tag="[peer_tag_param]" if within else "",
        extra=f"{extra}\n    " if extra else "",
        body=body or NOTHING,
        repeated=' retrans="500"' if repeated else "",
    )


def _sdp(version: int = 1, payload_type: int = 0, direction: str = "sendrecv") -> str:
    return sdp(payload_type, version, f"a={direction}")


def _invites(number: int = 1, extra: str = "", *, repeated: bool = True) -> str:
    """The INVITE that begins a call."""
    return _asks("INVITE", number, body=_sdp(), within=False, extra=extra, repeated=repeated)


def _acks(number: int = 1) -> str:
    """The ACK of a 2xx."""
    return _asks("ACK", number, repeated=False)


def _acks_refusal(number: int = 1, *, within: bool = True) -> str:
    """The ACK of a refusal: of the INVITE's own transaction (RFC 3261 §17.1.1.3)."""
    return _asks("ACK", number, branch=f"INVITE-{number}", within=within, repeated=False)


def _cancels() -> str:
    return _asks("CANCEL", branch="INVITE-1", within=False)


def _hears(code: int, *, has: str = "", instead: str = "", extra: str = "") -> str:
    """A response.

    :param has: what its body has in it.
    :param instead: it may be left out; if it comes, go on at this label.
    """
    optional = f' optional="true" next="{instead}"' if instead else ""
    if not has:
        return f'  <recv response="{code}"{optional}{extra}/>\n'
    return f"""\
  <recv response="{code}"{optional}{extra}>
    <action><ereg regexp="{has}" search_in="body" check_it="true" assign_to="found"/></action>
  </recv>
  <Reference variables="found"/>
"""


_MAY_TRY: Final = '  <recv response="100" optional="true"/>\n'
_IS_CALLED: Final = '  <recv request="BYE"/>\n' + OK
_ANSWERED: Final = _invites() + _MAY_TRY + _hears(200)


def _label(name: str) -> str:
    return f'  <label id="{name}"/>\n'


def _goes_to(name: str) -> str:
    return f'  <nop next="{name}"/>\n'


def _hangs_up(number: int) -> str:
    return _asks("BYE", number) + _hears(200)


def _password(password: str) -> str:
    return f"[authentication username=alice password={password}]"


_CHALLENGE: Final = _hears(401, extra=' auth="true"')

SCENARIOS: Final = {
    "CANCEL while it rings": (
        _invites()
        + _hears(100)
        + _hears(180)
        + _cancels()
        + _hears(487)
        + _acks_refusal()
        + _hears(200)
    ),
    # Refused, and then the CANCEL is answered; or else both are answered, and it is too late.
    "CANCEL that races the answer": (
        _invites(repeated=False)
        + _cancels()
        + _MAY_TRY
        + _hears(487, instead="1")
        + _hears(200)
        + _hears(200)
        + _acks()
        + _hangs_up(2)
        + _goes_to("2")
        + _label("1")
        + _acks_refusal()
        + _label("2")
    ),
    "CANCEL after the answer": _ANSWERED + _cancels() + _hears(200) + _acks() + _hangs_up(2),
    "re-INVITE: hold and resume with another codec": (
        _ANSWERED
        + _acks()
        + _asks("INVITE", 2, body=_sdp(2, direction="sendonly"))
        + _MAY_TRY
        + _hears(200, has="a=recvonly")
        + _acks(2)
        + _asks("INVITE", 3, body=_sdp(3, payload_type=8))
        + _MAY_TRY
        + _hears(200, has="m=audio [0-9]+ RTP/AVP 8")
        + _acks(3)
        + _hangs_up(4)
    ),
    "INVITE before the ACK of the last: 491": (
        _ANSWERED
        + _asks("INVITE", 2, body=_sdp(2))
        + _hears(491)
        + _acks_refusal(2)
        + _acks()
        + _hangs_up(3)
    ),
    # 491 where the UPDATE finds the INVITE answered already, and its ACK missing.
    "UPDATE while an INVITE waits: 500 or 491": (
        _ANSWERED
        + _acks()
        + _asks("INVITE", 2, body=_sdp(2), repeated=False)
        + _asks("UPDATE", 3, body=_sdp(3), repeated=False)
        + _MAY_TRY
        + _hears(500, instead="1")
        + _hears(491, instead="1")
        + _hears(200)
        + _hears(491)
        + _goes_to("2")
        + _label("1")
        + _hears(200)
        + _label("2")
        + _acks(2)
        + _hangs_up(4)
    ),
    "wrong password refused and the right one taken": (
        _invites()
        + _CHALLENGE
        + _acks_refusal(within=False)
        + _invites(2, _password("wrong"))
        + _CHALLENGE
        + _acks_refusal(2, within=False)
        + _invites(3, _password("secret"))
        + _MAY_TRY
        + _hears(200)
        + _acks(3)
        + _hangs_up(4)
    ),
    "the same INVITE three times is one call": (
        3 * _invites(repeated=False) + _MAY_TRY + _hears(200) + _acks() + _hangs_up(2)
    ),
    "no ACK ends the call by BYE": _invites(repeated=False) + _MAY_TRY + _hears(200) + _IS_CALLED,
    "a phone that vanishes": _ANSWERED + _acks(),
}


_OPTIONS: Final = dict.fromkeys(
    (
        "CANCEL that races the answer",
        "UPDATE while an INVITE waits: 500 or 491",
        "the same INVITE three times is one call",
    ),
    # What comes between two requests is let pass: an answer without its ACK comes again.
    ("-default_behaviors", "all,-abortunexp"),
)


async def call(port: int, scenario: str, folder: Path, *, calls: int = 1) -> None:
    """Run one scenario, ``calls`` times at once, against the gateway at ``port``."""
    file = written(folder, re.sub(r"\W", "-", scenario), scenario, SCENARIOS[scenario])
    log = file.with_suffix(".log")
    async with sipp(
        folder,
        *("-sf", file, f"127.0.0.1:{port}", "-s", "agent", "-m", calls, "-r", 10 * calls),
        *("-timeout_error", "-trace_err", "-error_file", log, *_OPTIONS.get(scenario, ())),
    ) as running:
        await running.succeeds(log)
