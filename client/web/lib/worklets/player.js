/**
 * The agent's voice as it comes in over Socket.IO, played evenly. An AudioWorklet module: it imports nothing, so that
 * bundlers may copy it as it is.
 */

/** Played before a talkspurt begins; a network that lets it run dry raises this, calm lowers it again. */
const MIN_TARGET_MS = 60;
const MAX_TARGET_MS = 200;
const CALM_MS = 5_000;
const STEP_MS = 20;
/** A pause longer than this was the agent's, not the network's. */
const SAME_TALKSPURT_MS = 500;
/** Ramps where the voice breaks off or begins again: a step would click. */
const FADE_MS = 5;
/** A gateway keeps a client 300 ms ahead. What is above that came after a stall, and is made up for in silence. */
const BEHIND_MS = 400;
const SILENCE = 0.002;
const CAPACITY_MS = 10_000;

/** Samples in, samples out. `idle`: nothing to play. `filling`: too little yet. `playing`. `fading`: the last of it. */
export class JitterBuffer {
  underruns = 0;
  #perMs;
  #ring;
  #fade;
  #state = 'idle';
  #read = 0;
  #depth = 0;
  #clock = 0;
  #target;
  #filledAt = 0;
  #driedAt = -Infinity;
  #troubleAt = 0;
  #risen = 0;
  #fading = 0;
  #cut = false;

  /** @param rate Hz of what is pushed and pulled */
  constructor(rate) {
    this.#perMs = rate / 1000;
    this.#ring = new Float32Array(CAPACITY_MS * this.#perMs);
    this.#fade = Math.round(FADE_MS * this.#perMs);
    this.#target = MIN_TARGET_MS * this.#perMs;
  }

  get state() {
    return this.#state;
  }

  /** What waits to be played, in ms. */
  get depthMs() {
    return this.#depth / this.#perMs;
  }

  get targetMs() {
    return this.#target / this.#perMs;
  }

  /** Adds PCM16. Beyond 10 s the oldest samples go. */
  push(samples) {
    const ring = this.#ring;
    const kept = samples.subarray(Math.max(0, samples.length - ring.length));
    const excess = this.#depth + kept.length - ring.length;
    if (excess > 0) this.#drop(excess);
    let write = (this.#read + this.#depth) % ring.length;
    for (const sample of kept) {
      ring[write] = sample / 32768;
      if (++write === ring.length) write = 0;
    }
    this.#depth += kept.length;
    if (this.#state === 'idle' && kept.length) this.#begin();
  }

  /** Fills `out` with the next samples; zeros where there are none. */
  pull(out) {
    this.#clock += out.length;
    if (this.#state === 'filling' && this.#isFilled) {
      this.#state = 'playing';
      this.#risen = 0;
    }
    let filled = 0;
    if (this.#state === 'playing') filled = this.#playSteadily(out);
    if (this.#state === 'fading') filled = this.#fadeOut(out, filled);
    out.fill(0, filled);
  }

  /** Falls silent within a few milliseconds, and forgets what waits. */
  flush() {
    this.#driedAt = -Infinity;
    this.#cut = this.#state === 'playing' || this.#state === 'fading';
    if (this.#state === 'playing') this.#beginFade();
    if (this.#state === 'filling') this.#state = 'idle';
    this.#depth = this.#cut ? this.#fading : 0;
  }

  get #isFilled() {
    return this.#depth >= this.#target || this.#clock - this.#filledAt >= this.#target;
  }

  #begin() {
    this.#state = 'filling';
    this.#filledAt = this.#clock;
    const gap = this.#clock - this.#driedAt;
    if (gap > SAME_TALKSPURT_MS * this.#perMs) return;
    this.underruns += 1;
    this.#troubleAt = this.#clock;
    this.#target = Math.min(MAX_TARGET_MS * this.#perMs, this.#target + Math.max(gap, STEP_MS * this.#perMs));
  }

  /** The last few milliseconds are held back, to fade out with when nothing comes after them. */
  #playSteadily(out) {
    while (this.depthMs > BEHIND_MS && this.#isSilent(out.length)) this.#drop(out.length);
    const steady = Math.max(0, Math.min(out.length, this.#depth - this.#fade));
    this.#take(out, 0, steady);
    if (steady < out.length) this.#beginFade();
    else this.#relax();
    return steady;
  }

  #beginFade() {
    this.#state = 'fading';
    this.#fading = Math.min(this.#depth, this.#fade);
  }

  #fadeOut(out, from) {
    const count = Math.min(this.#fading, out.length - from);
    this.#take(out, from, count);
    for (let i = from; i < from + count; i++) out[i] *= --this.#fading / this.#fade;
    if (this.#fading === 0) this.#rest();
    return from + count;
  }

  /** Nothing is played for now. What came while the voice faded is the beginning of more. */
  #rest() {
    this.#state = 'idle';
    this.#driedAt = this.#cut ? -Infinity : this.#clock;
    this.#cut = false;
    if (this.#depth) this.#begin();
  }

  #relax() {
    if (this.#clock - this.#troubleAt < CALM_MS * this.#perMs) return;
    this.#troubleAt = this.#clock;
    this.#target = Math.max(MIN_TARGET_MS * this.#perMs, this.#target - STEP_MS * this.#perMs);
  }

  #take(out, from, count) {
    const ring = this.#ring;
    for (let i = from; i < from + count; i++) {
      const gain = this.#risen < this.#fade ? ++this.#risen / this.#fade : 1;
      out[i] = ring[this.#read] * gain;
      if (++this.#read === ring.length) this.#read = 0;
    }
    this.#depth -= count;
  }

  #drop(count) {
    this.#read = (this.#read + count) % this.#ring.length;
    this.#depth -= count;
  }

  #isSilent(count) {
    const ring = this.#ring;
    for (let i = 0; i < count; i++) {
      if (Math.abs(ring[(this.#read + i) % ring.length]) > SILENCE) return false;
    }
    return true;
  }
}

/** How often the page is told how the buffer stands. */
const REPORT_MS = 250;

if (globalThis.registerProcessor) {
  // Takes an ArrayBuffer of PCM16, or null to flush; tells `{depthMs, targetMs, underruns}`.
  class Player extends AudioWorkletProcessor {
    #buffer = new JitterBuffer(sampleRate);
    #reportAt = 0;

    constructor() {
      super();
      this.port.onmessage = ({ data }) => {
        if (data === null) this.#buffer.flush();
        else this.#buffer.push(new Int16Array(data));
      };
    }

    process(_inputs, [[out]]) {
      this.#buffer.pull(out);
      if (currentTime >= this.#reportAt) {
        this.#reportAt = currentTime + REPORT_MS / 1000;
        const { depthMs, targetMs, underruns } = this.#buffer;
        this.port.postMessage({ depthMs, targetMs, underruns });
      }
      return true;
    }
  }
  registerProcessor('talkpath-player', Player);
}
