"""Callers in a process of their own: ``python -m tests.e2e.callers URL HOW_MANY SECONDS``.

Each stays in its call for so long and prints one JSON line about what it got. A process of their
own, as twenty software phones take more than the core that the gateway under test runs on.
"""

import asyncio
import json
import sys

from client.python import Microphone, Speaker, TalkpathClient


async def call(url: str, seconds: float) -> dict[str, object]:
    errors: list[object] = []
    async with TalkpathClient(url, timeout=30.0) as client:
        client.on("error", errors.append)
        await client.connect()
        speaker = Speaker()
        await client.call(Microphone(), speaker)
        started = asyncio.get_running_loop().time()
        heard = await speaker.wait_onset(started, within=20.0) is not None
        await asyncio.sleep(seconds)
        stats = await client.stats()
    return {"heard": heard, "received": stats.received, "lost": stats.lost, "errors": errors}


async def main(url: str, how_many: int, seconds: float) -> None:
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(call(url, seconds)) for _ in range(how_many)]
    for finished in calls:
        print(json.dumps(finished.result()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
