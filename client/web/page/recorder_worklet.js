/** Two channels as PCM16, interleaved, at a rate of one's choice: on the audio thread. */
import { Resampler } from '../lib/worklets/capture.js';

const PIECE_FRAMES = 2_400;

class Recorder extends AudioWorkletProcessor {
  #resamplers;
  #piece = new Int16Array(2 * PIECE_FRAMES);
  #filled = 0;

  constructor({ processorOptions: { rate } }) {
    super();
    this.#resamplers = [new Resampler(sampleRate, rate), new Resampler(sampleRate, rate)];
  }

  process([[left, right]]) {
    if (!left) return true;
    const [a, b] = [left, right].map((channel, i) => this.#resamplers[i].process(channel));
    for (let i = 0; i < a.length; i++) this.#add(a[i], b[i]);
    return true;
  }

  #add(left, right) {
    this.#piece[this.#filled++] = Math.max(-1, Math.min(1, left)) * 32767;
    this.#piece[this.#filled++] = Math.max(-1, Math.min(1, right)) * 32767;
    if (this.#filled < this.#piece.length) return;
    this.port.postMessage(this.#piece.buffer, [this.#piece.buffer]);
    this.#piece = new Int16Array(2 * PIECE_FRAMES);
    this.#filled = 0;
  }
}

registerProcessor('talkpath-recorder', Recorder);
