"""A call from a program: says a recording, prints the conversation, saves the answer.

    .venv/bin/python examples/python/call.py question.wav [--url URL] [--pcm] [--out answer.wav]

With --pcm the audio goes over Socket.IO, for networks that let no media through.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from client.python import ClientError, Microphone, Speaker, TalkpathClient
from client.python.wav import read_wav

RATE = 24_000


async def stay_connected(client: TalkpathClient) -> None:
    """Follow the session, and take it up again when its connection is lost."""
    while True:
        async for event in client.events:
            if event.name == "session_status" and event.args[0]["status"] == "DISCONNECTED":
                return
        print("-- connection lost", flush=True)
        await client.resume(within=30.0)
        print("-- resumed", flush=True)


async def call(options: argparse.Namespace) -> None:
    recording = read_wav(options.file, RATE)
    async with TalkpathClient(options.url, user_id="example") as client:
        client.on("transcript", lambda text, role: print(f"{role}: {text}", flush=True))
        client.on("error", lambda error: print(f"error: {error['message']}", file=sys.stderr))
        await client.connect()
        following = asyncio.create_task(stay_connected(client))
        microphone, speaker = Microphone(), Speaker()
        await client.call(microphone, speaker, "pcm" if options.pcm else "webrtc")
        spoken = await microphone.say(recording, RATE)
        onset = await speaker.wait_onset(spoken.end, within=20.0)
        if onset is None:
            raise ClientError("timeout", "nobody answered")
        print(f"-- answered after {(onset - spoken.end) * 1000:.0f} ms", flush=True)
        await speaker.wait_quiet(1.5, within=60.0, since=onset)
        following.cancel()
    speaker.write(options.out)
    print(f"-- saved {options.out}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--pcm", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("answer.wav"))
    try:
        asyncio.run(call(parser.parse_args()))
    except ClientError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
