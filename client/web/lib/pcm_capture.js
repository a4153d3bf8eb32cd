/** A microphone as PCM16 chunks of a fixed length (worklets/capture.js). */
const MODULE = new URL('./worklets/capture.js', import.meta.url);

export class PcmCapture {
  #context = new AudioContext({ latencyHint: 'interactive' });
  #options;
  #taken;
  #node = null;
  #source = null;

  /** @param rate Hz of the chunks; @param chunkMs their length; @param taken called with each, an ArrayBuffer */
  constructor({ rate, chunkMs, taken }) {
    this.#options = { rate, chunkSamples: Math.round((rate * chunkMs) / 1000) };
    this.#taken = taken;
  }

  get context() {
    return this.#context;
  }

  async start() {
    await this.#context.audioWorklet.addModule(MODULE);
    if (this.#context.state === 'closed') return;
    this.#node = new AudioWorkletNode(this.#context, 'talkpath-capture', {
      channelCount: 1,
      channelCountMode: 'explicit',
      outputChannelCount: [1],
      processorOptions: this.#options,
    });
    this.#node.port.onmessage = ({ data }) => this.#taken(data);
    // Its output is silence: a node that leads nowhere need not be run.
    this.#node.connect(this.#context.destination);
    this.#source?.connect(this.#node);
  }

  /** Listens to this MediaStream from now on. */
  use(stream) {
    this.#source?.disconnect();
    this.#source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    if (this.#node) this.#source.connect(this.#node);
  }

  close() {
    if (this.#context.state !== 'closed') this.#context.close();
  }
}
