/**
 * What the caller says over Socket.IO, and when the turn begins and ends, in one order that a lost connection does not
 * break: requests it may have swallowed wait for the next connection and are sent again, before what came later.
 */
import { TalkpathError, deferred } from './errors.js';

/** A gateway's default grace; after that the session is gone anyway. */
const MAX_WAITING_MS = 30_000;

const LOST = new Set(['connection_lost', 'not_connected']);

export class Uplink {
  #request;
  #chunkMs;
  #waiting = new Set();
  #stalled = false;

  /**
   * @param request `(name, ...args) -> Promise`, of the session
   * @param chunkMs length of what `push` is given
   */
  constructor({ request, chunkMs }) {
    this.#request = request;
    this.#chunkMs = chunkMs;
  }

  /** How much audio the gateway has not acknowledged, in ms. */
  get waitingMs() {
    return this.#audio.length * this.#chunkMs;
  }

  /** Sends one chunk of PCM16, an ArrayBuffer. Beyond 30 s that wait, the oldest go. */
  push(chunk) {
    const waiting = this.#audio;
    if (waiting.length * this.#chunkMs >= MAX_WAITING_MS) this.#waiting.delete(waiting[0]);
    // The gateway tells of a failure by itself, in its `error` event.
    this.request('send_audio', chunk, 'pcm16').catch(() => {});
  }

  /** Any other event that must keep its place between the chunks. */
  request(...event) {
    const entry = { event, done: deferred() };
    this.#waiting.add(entry);
    if (!this.#stalled) this.#send(entry);
    return entry.done.promise;
  }

  /** The session has a connection again. */
  resume() {
    this.#stalled = false;
    for (const entry of this.#waiting) this.#send(entry);
  }

  /** Gives up what waits. */
  close() {
    for (const { done } of this.#waiting) done.reject(new TalkpathError('cancelled', 'the call is over'));
    this.#waiting.clear();
    this.#stalled = true;
  }

  get #audio() {
    return [...this.#waiting].filter(({ event: [name] }) => name === 'send_audio');
  }

  async #send(entry) {
    try {
      const answer = await this.#request(...entry.event);
      entry.done.resolve(answer);
    } catch (error) {
      if (LOST.has(error.code) && this.#waiting.has(entry)) {
        this.#stalled = true;
        return;
      }
      entry.done.reject(error);
    }
    this.#waiting.delete(entry);
  }
}
