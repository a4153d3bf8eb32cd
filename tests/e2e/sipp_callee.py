"""sipp as a phone that is called, by a few scenarios."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.app import Gateway
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
_OK = """\
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
"""
_SDP = """Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0
    a=rtpmap:0 PCMU/8000
"""
_NOTHING = "Content-Length: 0\n"


def _says(code: int, *, tag: str = "a", sdp: bool = False) -> str:
    """To the INVITE; what is final is repeated until its ACK."""
    body, repeated = _SDP if sdp else _NOTHING, ' retrans="500"' if code >= 200 else ""
    return _TO_INVITE.format(code=code, tag=tag, body=body, repeated=repeated)


def _hears(method: str) -> str:
    return f'  <recv request="{method}"/>\n'


_RINGS = _INVITE + _says(180)
_ANSWERS = _says(200, sdp=True) + _hears("ACK")
_HUNG_UP = _hears("BYE") + _OK

SCENARIOS = {
    "answers after early media": _RINGS + _says(183, sdp=True) + _ANSWERS + _HUNG_UP,
    "busy": _RINGS + _says(486) + _hears("ACK"),
    "never answers": _RINGS + _hears("CANCEL") + _OK + _says(487) + _hears("ACK"),
    "two phones of a fork answer": (
        _RINGS + _ANSWERS + _says(200, tag="b", sdp=True) + _hears("ACK") + _HUNG_UP + _HUNG_UP
    ),
}


@contextlib.asynccontextmanager
async def called(
    gateway: Gateway, name: str, scenario: str, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """sipp, registered under ``name``, for one call; its output is a pipe."""
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("needs Debian's package sip-tester")
    file = folder / f"{name}.xml"
    declared = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    file.write_text(f'{declared}\n<scenario name="{scenario}">\n{SCENARIOS[scenario]}</scenario>\n')
    # sipp cannot register and then answer: its port is registered before it has it.
    async with Callee.registered(gateway, name) as phone:
        port = phone.port
    process = await asyncio.create_subprocess_exec(
        program,
        *("-sf", file, "-i", "127.0.0.1", "-p", str(port), "-m", "1"),
        *("-nostdin", "-timeout", "20"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
