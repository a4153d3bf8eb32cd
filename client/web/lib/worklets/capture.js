/**
 * The microphone as PCM16 chunks. An AudioWorklet module: it imports nothing, so that bundlers may copy it as it is.
 *
 * Contexts run at the device's rate, as Firefox connects a microphone to no other; the conversion is done here.
 */

/** Zero crossings of the filter on each side: 60 dB of stop band with the window used. */
const CROSSINGS = 16;
/** Of the lower rate's half: what lies above is the filter's slope. */
const PASS = 0.92;

/** One rate to another: a windowed sinc, one row of taps for each position between two samples. Keeps its state. */
export class Resampler {
  #up;
  #down;
  #rows;
  #taps;
  #line;
  #position = 0;
  #row = 0;

  /** @param from, to: Hz, integers */
  constructor(from, to) {
    const divisor = greatestCommonDivisor(from, to);
    this.#up = to / divisor;
    this.#down = from / divisor;
    const scale = Math.min(1, to / from) * PASS;
    const half = Math.ceil(CROSSINGS / scale);
    this.#taps = 2 * half;
    this.#rows = Array.from({ length: this.#up }, (_, row) => filterRow(half, scale, row / this.#up));
    this.#line = new Float32Array(this.#taps - 1);
  }

  /** Feeds floats; returns those output samples whose whole filter is known now. */
  process(block) {
    const history = this.#taps - 1;
    const length = history + block.length;
    if (this.#line.length !== length) this.#line = resized(this.#line, history, length);
    const line = this.#line;
    line.set(block, history);
    const out = [];
    for (; this.#position + this.#taps <= length; this.#advance()) {
      const row = this.#rows[this.#row];
      let sum = 0;
      for (let i = 0; i < row.length; i++) sum += line[this.#position + i] * row[i];
      out.push(sum);
    }
    this.#position -= block.length;
    line.copyWithin(0, block.length);
    return out;
  }

  #advance() {
    this.#row += this.#down;
    this.#position += Math.floor(this.#row / this.#up);
    this.#row %= this.#up;
  }
}

function filterRow(half, scale, fraction) {
  const row = Float32Array.from({ length: 2 * half }, (_, i) => {
    const offset = i - (half - 1) - fraction;
    return sinc(offset * scale) * hann(offset / half);
  });
  const gain = row.reduce((sum, tap) => sum + tap, 0);
  return row.map((tap) => tap / gain);
}

/** The first `kept` values of `line` in an array of another length. */
function resized(line, kept, length) {
  const other = new Float32Array(length);
  other.set(line.subarray(0, kept));
  return other;
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** On -1 .. 1. */
function hann(x) {
  return 0.5 + 0.5 * Math.cos(Math.PI * x);
}

/** Floats to PCM16 in chunks of a fixed size. */
export class Chunks {
  #size;
  #chunk;
  #filled = 0;

  /** @param size samples */
  constructor(size) {
    this.#size = size;
    this.#chunk = new Int16Array(size);
  }

  /** The chunks, Int16Array, that these samples complete. */
  add(samples) {
    const complete = [];
    for (const sample of samples) {
      this.#chunk[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.#filled < this.#size) continue;
      complete.push(this.#chunk);
      this.#chunk = new Int16Array(this.#size);
      this.#filled = 0;
    }
    return complete;
  }
}

if (globalThis.registerProcessor) {
  // Options: `rate` in Hz, `chunkSamples`. Tells each chunk as an ArrayBuffer of PCM16.
  class Capture extends AudioWorkletProcessor {
    #resampler;
    #chunks;

    constructor({ processorOptions: { rate, chunkSamples } }) {
      super();
      this.#resampler = new Resampler(sampleRate, rate);
      this.#chunks = new Chunks(chunkSamples);
    }

    process([[microphone]]) {
      // Nothing is connected while the page changes from one microphone to another.
      if (!microphone) return true;
      for (const { buffer } of this.#chunks.add(this.#resampler.process(microphone))) {
        this.port.postMessage(buffer, [buffer]);
      }
      return true;
    }
  }
  registerProcessor('talkpath-capture', Capture);
}
