/** Both ways of a call as one stereo recording, made in this browser: the caller left, the agent right. */

const MODULE = new URL('./recorder_worklet.js', import.meta.url);

/** Of the recording; what a model hears and speaks. */
const RATE = 24_000;
const FRAME_BYTES = 4;
const HEADER_BYTES = 44;
/** An hour; what comes after that is not kept. A browser keeps large blobs on disk. */
const MAX_BYTES = 3_600 * RATE * FRAME_BYTES;
/** Pieces joined into a blob at a time, so that what is held in memory stays small. */
const JOINED_PIECES = 50;

export class CallRecorder {
  #context = new AudioContext();
  #merger = new ChannelMergerNode(this.#context, { numberOfInputs: 2 });
  #sources = [null, null];
  #pieces = [];
  #recording = new Blob([]);
  #bytes = 0;

  /** Begins to record what {@link use} names. */
  async start() {
    await this.#context.audioWorklet.addModule(MODULE);
    if (this.#context.state === 'closed') return;
    const node = new AudioWorkletNode(this.#context, 'talkpath-recorder', {
      numberOfOutputs: 0,
      channelCount: 2,
      channelCountMode: 'explicit',
      processorOptions: { rate: RATE },
    });
    node.port.onmessage = ({ data }) => this.#take(data);
    this.#merger.connect(node);
  }

  /** The streams now; they change with a microphone, a codec, a new connection. */
  use(microphone, agent) {
    [microphone, agent].forEach((stream, channel) => this.#connect(stream, channel));
  }

  get seconds() {
    return this.#bytes / FRAME_BYTES / RATE;
  }

  /** What was recorded so far, as a WAV file. */
  wav() {
    this.#join();
    return new Blob([header(this.#bytes), this.#recording], { type: 'audio/wav' });
  }

  /** Stops; what was recorded stays. */
  stop() {
    for (const channel of [0, 1]) this.#connect(null, channel);
    if (this.#context.state !== 'closed') this.#context.close();
  }

  #connect(stream, channel) {
    const before = this.#sources[channel];
    if (before?.mediaStream === (stream ?? undefined)) return;
    before?.disconnect();
    this.#sources[channel] = null;
    if (!stream?.getAudioTracks().length || this.#context.state === 'closed') return;
    const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    source.connect(this.#merger, 0, channel);
    this.#sources[channel] = source;
  }

  #take(piece) {
    if (this.#bytes + piece.byteLength > MAX_BYTES) return;
    this.#bytes += piece.byteLength;
    this.#pieces.push(piece);
    if (this.#pieces.length >= JOINED_PIECES) this.#join();
  }

  #join() {
    this.#recording = new Blob([this.#recording, ...this.#pieces]);
    this.#pieces = [];
  }
}

/** Of a RIFF/WAVE file: PCM16, two channels. */
function header(bytes) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, HEADER_BYTES - 8 + bytes, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * FRAME_BYTES, true);
  view.setUint16(32, FRAME_BYTES, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, bytes, true);
  return view.buffer;
}
