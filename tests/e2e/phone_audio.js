// What a phone under test says and hears: speech into its microphone, every sample out of its ear.

const RATE = 16_000;

const RECORDER = `registerProcessor('recorder', class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(samples.slice());
    return true;
  }
});`;

export class Audio {
  #context = new AudioContext({ sampleRate: RATE });
  #microphone = new MediaStreamAudioDestinationNode(this.#context, { channelCount: 1 });
  #connection;
  #recorder;
  #element;
  #blocks = [];

  async start() {
    await this.#context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(RECORDER)}`);
    this.#recorder = new AudioWorkletNode(this.#context, 'recorder');
    // Without a source Chromium sends nothing, not even keys; a microphone is never that quiet.
    const noise = new ConstantSourceNode(this.#context, { offset: 1e-4 });
    noise.connect(this.#microphone);
    noise.start();
    this.#recorder.port.onmessage = ({ data }) => this.#blocks.push(data);
  }

  // A stream that a phone may stop.
  get microphone() {
    return this.#microphone.stream.clone();
  }

  // Says a WAV file; resolves when it is said.
  async say(base64) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const buffer = await this.#context.decodeAudioData(bytes.buffer);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#microphone);
    await new Promise((resolve) => {
      source.onended = resolve;
      source.start();
    });
  }

  listen(connection) {
    this.#connection = connection;
    connection.addEventListener('track', ({ track }) => {
      const stream = new MediaStream([track]);
      // Chromium decodes what an element plays.
      this.#element = Object.assign(document.createElement('audio'), { srcObject: stream });
      this.#element.play();
      const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
      source.connect(this.#recorder);
    });
  }

  async connected() {
    while (this.#connection?.connectionState !== 'connected') await new Promise((resolve) => setTimeout(resolve, 10));
  }

  forget() {
    this.#blocks = [];
  }

  // RMS of full scale of what an element plays meanwhile; WebAudio gets nothing after a hold.
  async loudness(seconds) {
    const before = await this.#energy();
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    return Math.sqrt(((await this.#energy()) - before) / seconds);
  }

  async untilLoud(least) {
    while ((await this.loudness(0.1)) < least);
  }

  // W3C totalAudioEnergy.
  async #energy() {
    const reports = [...(await this.#connection.getStats()).values()];
    return reports.find(({ type }) => type === 'inbound-rtp')?.totalAudioEnergy ?? 0;
  }

  // PCM16 at 16 kHz, as base64.
  heard() {
    const samples = new Int16Array(this.#blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of this.#blocks) for (const x of block) samples[at++] = Math.round(32767 * x);
    let text = '';
    for (const byte of new Uint8Array(samples.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
  }
}
