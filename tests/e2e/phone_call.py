"""A call of a telephone, as the gateway sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import numpy as np

from gateway.local_model.asr import Recogniser
from gateway.local_model.audio import to_waveform
from gateway.session import Session
from gateway.sip_settings import parse_addresses
from signaling.app import Gateway
from tests.calling_model import CallingModel
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.speech import PROMPTS, Samples, prompt, read_wav, silence, word_error_rate

SAID = "conf-onlyperson"
DESK = str(Path(__file__).with_name("transferring_desk.py"))
LISTEN = parse_addresses("udp:127.0.0.1:0")
TRANSPORTS = ("udp", "tcp", "tls")


def says(rate: int) -> Samples:
    """What a phone has to say."""
    speech = read_wav(prompt(SAID), rate)
    return np.concatenate([silence(0.5, rate), speech, silence(40.0, rate)])


@contextlib.asynccontextmanager
async def open_gateway(
    phones: Collection[object], certificate: tuple[Path, Path]
) -> AsyncIterator[Gateway]:
    """With the embedded model, every transport, and accounts ``phone-0`` and so on; when it closes
    no call is left.
    """
    async with running_gateway(
        None,
        sip_listen=parse_addresses(",".join(f"{each}:127.0.0.1:0" for each in TRANSPORTS)),
        sip_users={f"phone-{number}": "secret" for number in range(len(phones))},
        sip_tls_cert=certificate[0],
        sip_tls_key=certificate[1],
    ) as gateway:
        yield gateway
        await until(lambda: not gateway.sessions)


def host_of(gateway: Gateway, transport: str) -> str:
    """Its host, port and transport, as in a URI."""
    assert gateway.sip is not None
    port = next(each.port for each in gateway.sip.addresses if each.transport == transport)
    return f"127.0.0.1:{port};transport={transport}"


async def registered(gateway: Gateway, name: str, transport: str) -> None:
    assert gateway.sip is not None
    registrar = gateway.sip._agent.registrar
    await until(lambda: bool(registrar.of(name)))
    assert registrar.of(name)[0].flow.transport == transport


class PhoneCall:
    """The call that a phone has now."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        sip = gateway.sip
        assert sip is not None
        (call,) = (each for each in sip._lines if f"{name}@" in each.dialog.remote)
        session = sip._lines[call].session
        assert session is not None
        self.session: Session = session

    def said(self, role: str) -> list[str]:
        """The lines of one side that are complete."""
        lines = self.session._conversation.transcript.lines
        return [line.keys or line.text for line in lines if line.role == role and line.complete]

    async def is_answered(self) -> str:
        """What the phone :func:`says` is understood, and answered; the answer's words."""
        await until(lambda: bool(self.said("user")))
        assert word_error_rate(PROMPTS[SAID], self.said("user")[0]) <= 0.15, self.said("user")
        await until(lambda: bool(self.said("assistant")) and self.session._playout.is_empty)
        return self.said("assistant")[0]

    async def is_held(self, held: bool) -> None:
        leg = self.session.legs.offered
        assert leg is not None
        await until(lambda: leg._rtp.sends is not held)

    async def gets(self, key: str) -> None:
        """A key that the phone presses behind its words."""
        await until(lambda: any(key in line for line in self.said("user")[1:]))


async def assert_heard(recogniser: Recogniser, sound: Samples, words: str) -> None:
    """:param sound: at 16 kHz."""
    heard = await asyncio.to_thread(recogniser.transcribe, to_waveform(sound))
    assert word_error_rate(words, heard.text) <= 0.15, (words, heard.text)


async def is_passed_on(gateway: Gateway, model: CallingModel, host: str) -> Session:
    """The caller is passed on to nobody, stays, and is passed on to somebody; the session that it
    had before.
    """
    line = await model.calling_line()
    await line.wait_for_audio(12_000)
    (call_id,) = await line.call_tools(("transfer_call", {"target": f"nobody@{host}"}))
    await line.wait_for("response.create")
    error = "the other side answers 404 Not Found"
    assert line.outputs() == [(call_id, json.dumps({"error": error}))]
    assert gateway.sessions is not None
    (session,) = gateway.sessions._live.values()
    assert not session.ended
    await line.call_tools(("transfer_call", {"target": f"sip:haiku@{host}"}))
    await until(lambda: session.ended)
    other = await model.line(1)
    await other.wait_for_audio(12_000)
    return session
