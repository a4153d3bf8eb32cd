"""sipp as a phone that is called, by a few scenarios."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from signaling.app import Gateway
from tests.e2e.sipp import NOTHING, OK, Sipp, found, sdp, sipp, written
from tests.signaling.sip.callee import Callee

_INVITE = """\
  <recv request="INVITE">
    <action>
      <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
      <ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
    </action>
  </recv>
  <Reference variables="via,to,cseq"/>
"""
_TO_INVITE = """\
  <send{repeated}><![CDATA[
    SIP/2.0 {code} X
    Via:[$via]
    [last_From:]
    To:[$to];tag={tag}
    [last_Call-ID:]
    CSeq:[$cseq]
    Contact: <sip:[local_ip]:[local_port]>
    {body}
  ]]></send>
"""
_SDP = sdp(0, 1, "a=rtpmap:0 PCMU/8000")


def _says(code: int, *, tag: str = "a", media: bool = False) -> str:
    """To the INVITE; what is final is repeated until its ACK."""
    body, repeated = _SDP if media else NOTHING, ' retrans="500"' if code >= 200 else ""
    return _TO_INVITE.format(code=code, tag=tag, body=body, repeated=repeated)


def _hears(method: str) -> str:
    return f'  <recv request="{method}"/>\n'


_RINGS = _INVITE + _says(180)
_ANSWERS = _says(200, media=True) + _hears("ACK")
_HUNG_UP = _hears("BYE") + OK

SCENARIOS = {
    "answers after early media": _RINGS + _says(183, media=True) + _ANSWERS + _HUNG_UP,
    "busy": _RINGS + _says(486) + _hears("ACK"),
    "never answers": _RINGS + _hears("CANCEL") + OK + _says(487) + _hears("ACK"),
    "two phones of a fork answer": (
        _RINGS + _ANSWERS + _says(200, tag="b", media=True) + _hears("ACK") + _HUNG_UP + _HUNG_UP
    ),
}


@contextlib.asynccontextmanager
async def called(gateway: Gateway, name: str, scenario: str, folder: Path) -> AsyncIterator[Sipp]:
    """sipp, registered under ``name``, for one call."""
    found()
    file = written(folder, name, scenario, SCENARIOS[scenario])
    # sipp cannot register and then answer: its port is registered before it has it.
    async with Callee.registered(gateway, name) as phone:
        port = phone.port
    async with sipp(folder, "-sf", file, "-p", port, "-m", 1) as running:
        yield running
