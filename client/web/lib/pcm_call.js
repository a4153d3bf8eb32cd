/**
 * A call over Socket.IO alone, for networks that let no media through: PCM16 up in `send_audio`, down in
 * `audio_response`. Used once, and by the same methods and events as a `Call`.
 */
import { Emitter } from './emitter.js';
import { TalkpathError, asTalkpathError, deferred } from './errors.js';
import { LevelMeter, SILENCE_DBFS } from './levels.js';
import { Machine } from './machine.js';
import { Microphone } from './microphone.js';
import { decodePcm16 } from './pcm16.js';
import { PcmCapture } from './pcm_capture.js';
import { PcmPlayer } from './pcm_player.js';
import { playThrough } from './playback.js';
import { Uplink } from './uplink.js';

/** Short enough not to be felt, long enough that headers and acknowledgements stay small beside it. */
const CHUNK_MS = 40;

const TRANSITIONS = {
  idle: { start: 'opening', end: 'ended' },
  opening: { opened: 'connected', end: 'ended' },
  connected: { dropped: 'reconnecting', end: 'ended' },
  reconnecting: { recovered: 'connected', end: 'ended' },
  ended: {},
};

export class PcmCall extends Emitter {
  #machine = new Machine(TRANSITIONS, 'idle', () => this.#announce());
  #audio;
  #rate;
  #microphone = new Microphone();
  #uplink;
  #capture = null;
  #player = null;
  #meters = {};
  #deaf = 0;
  #wasConnected = false;
  #established = deferred();

  /**
   * @param request `(name, ...args) -> Promise` to the gateway
   * @param audio the HTMLAudioElement that plays the agent
   * @param rate Hz of header-less PCM16 at this gateway (its AUDIO_SAMPLE_RATE)
   */
  constructor({ request, audio, rate }) {
    super();
    this.#audio = audio;
    this.#rate = rate;
    this.#uplink = new Uplink({ request, chunkMs: CHUNK_MS });
    this.#microphone.on('stream', (stream) => this.#listenTo(stream));
    this.#microphone.on('lost', (lost) => this.emit('microphone_lost', lost));
    this.#microphone.on('error', (error) => this.emit('error', error));
  }

  get state() {
    return this.#machine.state;
  }

  get wasConnected() {
    return this.#wasConnected;
  }

  get remoteStream() {
    return this.#player?.stream ?? null;
  }

  get microphoneStream() {
    return this.#microphone.stream;
  }

  /** `{microphone, agent}` in dBFS. */
  get levels() {
    return {
      microphone: this.#meters.microphone?.read() ?? SILENCE_DBFS,
      agent: this.#meters.agent?.read() ?? SILENCE_DBFS,
    };
  }

  /** How the jitter buffer stands: `{depthMs, targetMs, underruns}`. */
  get playout() {
    return this.#player?.playout ?? null;
  }

  /** Resolves once audio can flow. On failure the call is over and everything is released. */
  async start(microphone) {
    this.#machine.handle('start');
    try {
      // Before anything is awaited: browsers let a page make sound for as long as the click lasts that asked for it.
      this.#player = new PcmPlayer(this.#rate);
      this.#capture = new PcmCapture({ rate: this.#rate, chunkMs: CHUNK_MS, taken: (chunk) => this.#heard(chunk) });
      await this.#microphone.use(microphone);
      await Promise.all([this.#player.start(), this.#capture.start()]);
    } catch (thrown) {
      this.end(asTalkpathError(thrown, 'webrtc_unsupported'));
    }
    if (this.#machine.handle('opened')) {
      this.#wasConnected = true;
      this.#established.resolve();
      this.#meters.agent = new LevelMeter(this.#player.context, this.#player.stream);
      this.#play();
    }
    return this.#established.promise;
  }

  setMicrophoneOpen(open) {
    this.#microphone.setOpen(open);
  }

  async setMicrophone(microphone) {
    await this.#microphone.use(microphone);
  }

  /** An event that must keep its place between the chunks of audio. */
  request(...event) {
    return this.#uplink.request(...event);
  }

  /** Feeds `audio_response`. */
  hear(base64) {
    if (this.state === 'connected' && this.#deaf === 0) this.#player.play(decodePcm16(base64));
  }

  /** Falls silent now. What still arrives until `stopped` settles belongs to the answer that was stopped. */
  async flush(stopped = null) {
    this.#player?.flush();
    this.#deaf += 1;
    try {
      await stopped;
    } finally {
      this.#deaf -= 1;
    }
  }

  /** The signalling path is down, and with it the audio. What is said meanwhile is kept. */
  drop() {
    this.#machine.handle('dropped');
  }

  recover() {
    this.#machine.handle('recovered');
    this.#uplink.resume();
  }

  /** Makes sound where the browser wanted the user to touch the page first; call it from a click. */
  async resume() {
    this.#capture?.context.resume();
    this.#player?.context.resume();
    await playThrough(this.#audio, this.#player.stream);
  }

  /** Ends the call and releases microphone and audio. Idempotent. */
  end(error = null) {
    if (!this.#machine.handle('end')) return;
    this.#uplink.close();
    this.#microphone.close();
    for (const meter of Object.values(this.#meters)) meter.close();
    this.#capture?.close();
    this.#player?.close();
    this.#audio.srcObject = null;
    this.#established.reject(error ?? new TalkpathError('cancelled', 'hung up'));
    this.emit('ended', error);
  }

  #listenTo(stream) {
    this.#capture.use(stream);
    this.#meters.microphone?.close();
    this.#meters.microphone = new LevelMeter(this.#capture.context, stream);
  }

  #heard(chunk) {
    const inCall = this.state === 'connected' || this.state === 'reconnecting';
    if (inCall && this.#microphone.isOpen) this.#uplink.push(chunk);
  }

  async #play() {
    try {
      await playThrough(this.#audio, this.#player.stream);
    } catch (error) {
      this.emit('error', error);
    }
  }

  /** There is no peer connection; its states stay those of a new one. */
  #announce() {
    this.emit('state', { call: this.state, connection: 'new', ice: 'new' });
  }
}
