/**
 * Who decides when the caller's turn ends: the gateway's voice activity detection (hands-free) or a button
 * (push-to-talk). Also mute, since both decide whether the microphone is forwarded.
 */
import { TalkpathError } from './errors.js';

export const HANDS_FREE = 'hands-free';
export const PUSH_TO_TALK = 'push-to-talk';

const TURN_DETECTION = { [HANDS_FREE]: 'server_vad', [PUSH_TO_TALK]: null };

/** People release the button on their last syllable; the microphone stays open for the rest of it. */
const TAIL_MS = 150;

export class TurnControl {
  #request;
  #agentBusy;
  #changed;
  #mode = HANDS_FREE;
  #muted = false;
  #talking = false;
  #tail = null;

  /**
   * @param request `(name, ...args) -> Promise` to the gateway
   * @param agentBusy `() -> boolean`, true while the agent speaks or prepares to
   * @param changed called whenever mode, muted, talking or microphoneOpen may have changed
   */
  constructor({ request, agentBusy, changed }) {
    this.#request = request;
    this.#agentBusy = agentBusy;
    this.#changed = changed;
  }

  get mode() {
    return this.#mode;
  }

  get muted() {
    return this.#muted;
  }

  get talking() {
    return this.#talking;
  }

  get microphoneOpen() {
    if (this.#mode === HANDS_FREE) return !this.#muted;
    return this.#talking || this.#tail !== null;
  }

  /** What a new session must be told; null if it starts out right. */
  get initialUpdate() {
    return this.#mode === HANDS_FREE ? null : { turnDetection: TURN_DETECTION[this.#mode] };
  }

  /** With `online` false the mode is only remembered, for `initialUpdate`. */
  async setMode(mode, online) {
    if (!(mode in TURN_DETECTION)) throw new TalkpathError('bad_state', `unknown mode ${mode}`);
    if (mode === this.#mode) return;
    if (online) {
      // A muted gateway would drop what is said while the button is held.
      if (this.#muted) await this.#request('mute', false);
      await this.#request('update_session', { turnDetection: TURN_DETECTION[mode] });
    }
    this.#mode = mode;
    this.forget();
  }

  async setMuted(muted) {
    if (this.#mode === PUSH_TO_TALK) throw new TalkpathError('bad_state', 'push-to-talk has no mute');
    // Muting takes effect here at once, whatever the gateway answers; opening waits for the gateway.
    if (muted) this.#setMuted(true);
    await this.#request('mute', muted);
    this.#setMuted(muted);
  }

  async press() {
    if (this.#mode !== PUSH_TO_TALK || this.#talking) return;
    const continued = this.#tail !== null;
    this.#tail = null;
    this.#talking = true;
    // No acknowledgement is awaited before the microphone opens: that would cut the first syllable.
    const sent = continued ? [] : [this.#request('clear_audio')];
    if (!continued && this.#agentBusy()) sent.push(this.#request('interrupt'));
    this.#changed();
    await Promise.all(sent);
  }

  async release() {
    if (!this.#talking) return;
    this.#talking = false;
    const tail = Symbol('tail');
    this.#tail = tail;
    this.#changed();
    await new Promise((resolve) => setTimeout(resolve, TAIL_MS));
    // Pressed again within the tail: the same utterance goes on.
    if (this.#tail !== tail) return;
    const committed = this.#request('commit_audio');
    this.#tail = null;
    this.#changed();
    await committed;
  }

  /** Lets go of the button without a turn. */
  reset() {
    this.#talking = false;
    this.#tail = null;
    this.#changed();
  }

  /** As at the start of a session: not muted. */
  forget() {
    this.#muted = false;
    this.reset();
  }

  #setMuted(muted) {
    this.#muted = muted;
    this.#changed();
  }
}
