/** Whose turn it is, as a caller sees it, from realtime events, the push-to-talk button and what is audible. */

/** Quiet speech is far above this, comfort noise below. */
const AUDIBLE_DBFS = -55;
/** Pauses between two sentences of one answer are shorter. */
const HANG_MS = 600;

export class Activity {
  #changed;
  #phase = 'listening';
  #detected = false;
  #pressed = false;
  #responding = false;
  #audibleUntil = 0;

  /** @param changed called with the new phase: listening | caller | thinking | agent */
  constructor(changed) {
    this.#changed = changed;
  }

  get phase() {
    return this.#phase;
  }

  get agentBusy() {
    return this.#phase === 'agent' || this.#responding;
  }

  /** Feeds one Realtime GA event. */
  observe(event) {
    switch (event.type) {
      case 'input_audio_buffer.speech_started':
        this.#detected = true;
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#detected = false;
        break;
      case 'response.created':
        this.#responding = true;
        break;
      case 'response.done':
        this.#responding = false;
        break;
    }
    this.#update(performance.now());
  }

  setPressed(pressed) {
    this.#pressed = pressed;
    this.#update(performance.now());
  }

  /** Feeds the agent's level; also advances the clock, so call it several times a second. */
  hear(dbfs, now) {
    if (dbfs > AUDIBLE_DBFS) this.#audibleUntil = now + HANG_MS;
    this.#update(now);
  }

  /** The agent's voice was flushed: what still rings is not a turn. */
  interrupted() {
    this.#audibleUntil = 0;
    this.#update(performance.now());
  }

  reset() {
    this.#detected = this.#pressed = this.#responding = false;
    this.interrupted();
  }

  #update(now) {
    const phase = this.#derive(now);
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#changed(phase);
  }

  #derive(now) {
    if (this.#detected || this.#pressed) return 'caller';
    if (now < this.#audibleUntil) return 'agent';
    return this.#responding ? 'thinking' : 'listening';
  }
}
