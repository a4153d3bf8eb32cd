/** The ring of a telephone: two notes, and a pause. */

const NOTES_HZ = [784, 988];
const NOTE_SECONDS = 0.36;
const CYCLE_SECONDS = 2.4;
const LEVEL = 0.12;
/** Seconds in which a note comes and goes, so that it does not click. */
const EDGE = 0.02;

export class Ringer {
  #context = null;

  /** Rings until `stop`. A browser may keep it silent until the page was clicked. */
  start() {
    if (this.#context) return;
    const context = (this.#context = new AudioContext());
    const source = new AudioBufferSourceNode(context, { buffer: ring(context.sampleRate), loop: true });
    source.connect(context.destination);
    source.start();
  }

  stop() {
    this.#context?.close();
    this.#context = null;
  }
}

function ring(sampleRate) {
  const buffer = new AudioBuffer({ length: Math.round(CYCLE_SECONDS * sampleRate), sampleRate });
  const samples = buffer.getChannelData(0);
  const length = Math.round(NOTE_SECONDS * sampleRate);
  // Twice each: do-ding, do-ding.
  [...NOTES_HZ, ...NOTES_HZ].forEach((hertz, note) => {
    for (let i = 0; i < length; i++) {
      const edge = Math.min(1, i / sampleRate / EDGE, (length - i) / sampleRate / EDGE);
      samples[note * length + i] = LEVEL * edge * Math.sin((2 * Math.PI * hertz * i) / sampleRate);
    }
  });
  return buffer;
}
