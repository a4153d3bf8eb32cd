/** Plays PCM16 that comes in pieces, evenly: a jitter buffer on the audio thread (worklets/player.js). */
const MODULE = new URL('./worklets/player.js', import.meta.url);

export class PcmPlayer {
  #context;
  #node = null;
  #output;
  #playout = { depthMs: 0, targetMs: 0, underruns: 0 };

  /** @param rate Hz of what is played; the browser converts it to the device's */
  constructor(rate) {
    this.#context = new AudioContext({ sampleRate: rate, latencyHint: 'interactive' });
    this.#output = new MediaStreamAudioDestinationNode(this.#context, { channelCount: 1 });
  }

  /** What is played, for a media element: that one knows which loudspeaker. */
  get stream() {
    return this.#output.stream;
  }

  get context() {
    return this.#context;
  }

  /** `{depthMs, targetMs, underruns}` of the jitter buffer, a quarter of a second old at most. */
  get playout() {
    return this.#playout;
  }

  async start() {
    await this.#context.audioWorklet.addModule(MODULE);
    if (this.#context.state === 'closed') return;
    this.#node = new AudioWorkletNode(this.#context, 'talkpath-player', {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.#node.port.onmessage = ({ data }) => (this.#playout = data);
    this.#node.connect(this.#output);
  }

  /** @param pcm ArrayBuffer of PCM16; it is handed over */
  play(pcm) {
    this.#node?.port.postMessage(pcm, [pcm]);
  }

  /** Falls silent now. */
  flush() {
    this.#node?.port.postMessage(null);
  }

  close() {
    if (this.#context.state !== 'closed') this.#context.close();
  }
}
