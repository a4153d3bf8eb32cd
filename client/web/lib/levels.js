/** Loudness of a MediaStream, in dBFS. */

/** What silence reads as, and the lowest value ever returned. */
export const SILENCE_DBFS = -100;

/** About 21 ms at 48 kHz: short enough to follow syllables. */
const WINDOW_SAMPLES = 1024;

export class LevelMeter {
  #source;
  #analyser;
  #window = new Float32Array(WINDOW_SAMPLES);

  /** A remote stream is only heard by WebAudio in Chromium while a media element holds it as well. */
  constructor(context, stream) {
    this.#analyser = new AnalyserNode(context, { fftSize: WINDOW_SAMPLES });
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#source.connect(this.#analyser);
  }

  /** Root mean square of the latest window, in dBFS, SILENCE_DBFS .. 0. */
  read() {
    this.#analyser.getFloatTimeDomainData(this.#window);
    let energy = 0;
    for (const sample of this.#window) energy += sample * sample;
    const decibels = 10 * Math.log10(energy / WINDOW_SAMPLES);
    return Math.min(0, Math.max(SILENCE_DBFS, decibels));
  }

  close() {
    this.#source.disconnect();
  }
}
