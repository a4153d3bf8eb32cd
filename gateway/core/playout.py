"""Playout: the audio owed to the caller, and exactly how much of it was handed out.

Theory of operation. A model speaks faster than real time, so its audio waits here until a leg
takes it frame by frame. *Heard* means handed out: a frame that was sent cannot be recalled. A leg
whose caller buffers says when a frame will be played, and can have it recalled: then heard means
that this time has passed. On a barge-in the rest is dropped, and each item that was not heard whole
becomes a :class:`Cut`, from which the model is told what the caller knows.

Audio lies in *parts*, one for each content part of an item (Realtime protocol,
``content_index``), in the order in which they began. A part that runs dry while its item is
unfinished holds the frame back, for zeros must not be padded into a sentence; once another part
follows, the frame is completed from there, and should the first go on after all it queues again
behind.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.core.owed import SAMPLE_BYTES, Ahead, Cut, Item, Part
from gateway.core.prefill import Prefill
from gateway.core.taps import PlayedTap

MAX_ITEMS: Final = 256
"""Items whose counters are kept, the oldest dropped first; and items that may be queued at once."""


@dataclass(slots=True)
class PlayoutStats:
    underruns: int = 0
    """Times a leg wanted a frame in the middle of an item and there was none."""
    refused_late: int = 0
    """Pushes for an item that was cut or finished."""
    refused_full: int = 0
    """Pushes beyond the bound on owed audio."""


class Playout:
    """A FIFO of spoken items: PCM16 mono at 24 kHz in, frames of one size out.

    :param frame_samples: samples in a frame.
    :param prefill_samples: owed before a talkspurt starts, or goes on after an underrun; more with
        a model that has lately been late (:class:`~gateway.core.prefill.Prefill`).
    :param max_seconds: bound on the audio owed, which protects memory.
    """

    def __init__(
        self,
        frame_samples: int = FRAME_SAMPLES,
        prefill_samples: int = FRAME_SAMPLES,
        max_seconds: float = 300.0,
    ) -> None:
        self.stats = PlayoutStats()
        self.taps: tuple[PlayedTap, ...] = ()
        self._frame_bytes = frame_samples * SAMPLE_BYTES
        self._prefill = Prefill(max(prefill_samples, frame_samples))
        self._max_bytes = int(max_seconds * SAMPLE_RATE) * SAMPLE_BYTES
        self._items: dict[str, Item] = {}
        self._queue: deque[Part] = deque()
        self._completed: deque[str] = deque(maxlen=MAX_ITEMS)
        self._started: deque[str] = deque(maxlen=MAX_ITEMS)
        self._owed = 0
        self._running = False
        self._moved = False
        self._ahead: deque[Ahead] = deque()
        self.busy_until = float("-inf")
        """When the caller will have played all that was handed out ahead of its time."""

    @property
    def owed_samples(self) -> int:
        """Samples received and neither handed out nor dropped."""
        return self._owed // SAMPLE_BYTES

    @property
    def is_empty(self) -> bool:
        """All that came was heard; an unfinished item may still go on."""
        return self._owed == 0 and not self._ahead

    def moved(self) -> bool:
        """Whether anything was handed out since the last call, or is still to be heard of that.
        What waits for a caller who takes nothing does not move.
        """
        moved, self._moved = self._moved, False
        return moved or bool(self._ahead)

    @property
    def playing(self) -> str | None:
        """The item the next frame begins with, or whose next audio is awaited; None at rest."""
        return self._queue[0].item.item_id if self._queue else None

    def heard(self, item_id: str) -> int:
        """Samples of an item heard; 0 for one not known, or long over."""
        item = self._items.get(item_id)
        return sum(p.heard // SAMPLE_BYTES for p in item.parts.values()) if item else 0

    def received(self, item_id: str) -> int:
        """Samples of an item taken in; 0 for one not known, or long over."""
        item = self._items.get(item_id)
        return sum(p.received // SAMPLE_BYTES for p in item.parts.values()) if item else 0

    def completed(self) -> list[str]:
        """Finished items whose last sample was heard since the last call, in order."""
        items = list(self._completed)
        self._completed.clear()
        return items

    @property
    def has_started(self) -> bool:
        """Whether :meth:`started` has something to tell."""
        return bool(self._started)

    def started(self) -> list[str]:
        """Items whose first sample was handed out since the last call, in order."""
        items = list(self._started)
        self._started.clear()
        return items

    def is_pending(self, item_id: str) -> bool:
        """Whether something of an item waits, here or at the caller's."""
        item = self._items.get(item_id)
        return item is not None and item.is_pending

    def begin(self, item_id: str) -> None:
        """A new item starts: one of this id that is over is forgotten; some servers reuse ids."""
        item = self._items.get(item_id)
        if item is not None and item.is_done:
            del self._items[item_id]

    def push(self, item_id: str, pcm: bytes, content_index: int = 0) -> bool:
        """Owe ``pcm``, any number of bytes, to the caller.

        :return: False when it was refused whole: the item was cut or is finished, or too much is
            owed. After that an item takes no more, for what is heard must stay a beginning of it.
        """
        item = self._items.get(item_id)
        if item is not None and (item.cut or item.finished):
            self.stats.refused_late += 1
            return False
        if not pcm:
            return True
        if item is None:
            item = self._new_item(item_id)
        if item is None or item.full or self._owed + len(pcm) > self._max_bytes:
            self.stats.refused_full += 1
            if item is not None:
                item.full = True
            return False
        part = item.parts.get(content_index)
        if part is None:
            part = item.parts[content_index] = Part(item, content_index)
        if not part.queued:
            part.queued = True
            self._queue.append(part)
        self._owed -= part.playable
        part.append(bytes(pcm))
        self._owed += part.playable
        return True

    def finish(self, item_id: str) -> None:
        """All audio of an item is in; half a sample left at an end is dropped."""
        item = self._items.get(item_id)
        if item is None or item.cut or item.finished:
            return
        item.finished = True
        dry = [part for part in item.parts.values() if part.queued and not part.playable]
        for part in dry:
            self._queue.remove(part)
            part.drop()
        if not item.is_pending:
            self._completed.append(item_id)

    def next_frame(self, plays_at: float | None = None, samples: int = 0) -> bytes | None:
        """The next frame; it counts as heard.

        :param plays_at: seconds of the leg's clock, not before :attr:`busy_until`, at which the
            caller plays it: it counts as heard bit by bit from then on.
        :param samples: in the frame; 0: ``frame_samples``.
        :return: exactly so many samples, the very last one padded with zeros; None when
            none is owed now.
        """
        size = samples * SAMPLE_BYTES or self._frame_bytes
        if not self._is_ready(size):
            if self._queue and self._queue[0].taken:
                if plays_at is None:  # Else the caller plays on from what it has.
                    self.stats.underruns += self._running
                    self._prefill.miss(size // SAMPLE_BYTES)
            else:
                self._prefill.end()
            self._running = False
            return None
        fresh = not self._running
        if fresh:
            self._running = True
            self._prefill.start(self.owed_samples)
        frame = self._take_frame(plays_at, size, fresh)
        if self._queue and not self._queue[-1].item.finished:
            self._prefill.spare(self.owed_samples)
        return frame

    def settle(self, now: float) -> None:
        """Count as heard what the caller has played by ``now``, to the sample."""
        while self._ahead:
            first = self._ahead[0]
            size = min(first.size, round((now - first.plays_at) * SAMPLE_RATE) * SAMPLE_BYTES)
            if size <= 0:
                return
            first.part.heard += size
            first.size -= size
            first.plays_at += size / SAMPLE_BYTES / SAMPLE_RATE
            if first.size:
                return
            self._ahead.popleft()
            self._complete(first.part.item)

    def interrupt(self, now: float | None = None) -> list[Cut]:
        """Drop all that is owed, and what the caller has not played by ``now``.

        The frame handed out last stays as it is: a fade would be audio nobody sent.

        :return: the items not heard whole, in order; they accept no more audio.
        """
        if now is not None:
            self.settle(now)
        if self.taps and self._ahead:
            recalled = sum(ahead.size for ahead in self._ahead) // SAMPLE_BYTES
            for tap in self.taps:
                tap.on_recalled(recalled)
        self._ahead.clear()
        self.busy_until = float("-inf")
        cuts = [item.cut_off() for item in self._items.values() if not item.is_done]
        self._queue.clear()
        self._owed = 0
        self._running = False
        self._prefill.end()
        return cuts

    def _is_ready(self, frame_bytes: int) -> bool:
        """Whether a frame is there: whole, or the last one of all that was to be said."""
        held = 0 if self._running else self._prefill.wanted * SAMPLE_BYTES
        wanted = max(frame_bytes, held)
        available = 0
        for part in self._queue:
            available += part.playable
            if available >= wanted:
                return True
        return available > 0 and self._queue[-1].item.finished

    def _take_frame(self, plays_at: float | None, frame_bytes: int, fresh: bool) -> bytes:
        pieces: list[bytes] = []
        self._moved = True
        if plays_at is not None:
            self.busy_until = plays_at + frame_bytes / SAMPLE_BYTES / SAMPLE_RATE
        missing = frame_bytes
        while self._queue:
            part = self._queue[0]
            size = min(missing, part.playable)
            if size:
                if not any(part.taken for part in part.item.parts.values()):
                    self._started.append(part.item.item_id)
                pieces.append(part.take(size))
                for tap in self.taps:
                    first = fresh and len(pieces) == 1
                    tap.on_taken(part.item.item_id, pieces[-1], plays_at, first)
                if plays_at is None:
                    part.heard += size
                else:
                    offset = (frame_bytes - missing) / SAMPLE_BYTES / SAMPLE_RATE
                    self._ahead.append(Ahead(part, size, plays_at + offset))
                missing -= size
                self._owed -= size
            if part.playable or not self._pass(part):
                break
        frame = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return frame.ljust(frame_bytes, b"\0") if missing else frame

    def _pass(self, part: Part) -> bool:
        """Leave a part that ran dry, unless it may still go on and nothing follows it."""
        item = part.item
        if not item.finished and len(self._queue) == 1:
            return False
        self._queue.popleft()
        part.queued = False
        self._complete(item)
        return True

    def _complete(self, item: Item) -> None:
        if item.finished and not item.is_pending:
            self._completed.append(item.item_id)

    def _new_item(self, item_id: str) -> Item | None:
        """Begin an item, at the cost of the oldest one's counters; None when all are queued."""
        if len(self._items) >= MAX_ITEMS:
            oldest = next((i for i in self._items.values() if not i.is_pending), None)
            if oldest is None:
                return None
            del self._items[oldest.item_id]
        item = self._items[item_id] = Item(item_id)
        return item
