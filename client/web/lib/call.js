/**
 * The WebRTC leg of one call: microphone up, the agent's voice down. A Call is used once.
 *
 * Events: `state` {call, connection, ice}, `microphone_lost` {label}, `error` (a fault the call survives), `ended`
 * (TalkpathError or null).
 */
import { answeredCodec, offerCodec } from './codecs.js';
import { Emitter } from './emitter.js';
import { TalkpathError, asTalkpathError, deferred } from './errors.js';
import { LevelMeter, SILENCE_DBFS } from './levels.js';
import { Machine } from './machine.js';
import { Microphone } from './microphone.js';
import { watchNetwork } from './network.js';
import { playThrough } from './playback.js';

const CONNECT_TIMEOUT_MS = 15_000;
/**
 * ICE may heal a `disconnected` by itself (W3C WebRTC, 5.6.4). But browsers say it after seconds without an answer,
 * the gateway gives a silent caller up some 15 s later, and restarting a path that is about to heal does no harm.
 */
const HEAL_MS = 500;
const RESTART_TIMEOUT_MS = 8_000;
/** A network that went without a word took the signalling connection with it, which that one notices much later. */
const DOUBT_MS = 3_000;
const MAX_RESTARTS = 3;

/** The signalling path is down: whoever owns the session calls `recover` or `end` when that is decided. */
const SIGNALLING_LOST = new Set(['not_connected', 'connection_lost']);

const TRANSITIONS = {
  idle: { start: 'opening', end: 'ended' },
  opening: { offered: 'connecting', end: 'ended' },
  connecting: { connected: 'connected', end: 'ended' },
  connected: { lost: 'reconnecting', end: 'ended' },
  reconnecting: { connected: 'connected', end: 'ended' },
  ended: {},
};

export class Call extends Emitter {
  #machine = new Machine(TRANSITIONS, 'idle', () => this.#announce());
  #signalling;
  #audio;
  #iceServers;
  #peer = null;
  #transceiver = null;
  #codec;
  #agreed = null;
  #microphone = new Microphone();
  #context = null;
  #meters = {};
  #established = deferred();
  #timer = null;
  #wasConnected = false;
  #networkChanged = false;
  #unwatch = () => {};
  #restarts = 0;
  #round = 0;

  /**
   * @param signalling `{offer(description) -> Promise<answer>, candidate(candidate | null), reconnect()}`
   * @param audio the HTMLAudioElement that plays the agent
   * @param codec the only one to be offered; null: all
   */
  constructor({ signalling, audio, iceServers = [], codec = null }) {
    super();
    this.#signalling = signalling;
    this.#audio = audio;
    this.#iceServers = iceServers;
    this.#codec = codec;
    this.#microphone.on('stream', (stream) => this.#listenTo(stream));
    this.#microphone.on('lost', (lost) => this.emit('microphone_lost', lost));
    this.#microphone.on('error', (error) => this.emit('error', error));
  }

  get state() {
    return this.#machine.state;
  }

  /** Whether audio has ever flowed, that is, whether `start` resolved. */
  get wasConnected() {
    return this.#wasConnected;
  }

  /** What both ends agreed on; null before that. */
  get codec() {
    return this.#agreed;
  }

  get remoteStream() {
    return this.#audio.srcObject;
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

  /** Resolves once audio can flow. On failure the call is over and everything is released. */
  async start(microphone) {
    this.#machine.handle('start');
    try {
      await this.#microphone.use(microphone);
      this.#createPeer();
      this.#machine.handle('offered');
      this.#deadline(CONNECT_TIMEOUT_MS, () => this.end(iceFailed('no path to the gateway')));
      await this.#negotiate();
    } catch (thrown) {
      this.end(asTalkpathError(thrown, 'negotiation_failed'));
    }
    return this.#established.promise;
  }

  setMicrophoneOpen(open) {
    this.#microphone.setOpen(open);
  }

  async setMicrophone(microphone) {
    await this.#microphone.use(microphone);
  }

  /** Changes the codec of the running call; the one before stays if the gateway refuses this one. */
  async setCodec(codec) {
    const before = this.#codec;
    this.#codec = codec;
    if (!this.#transceiver) return;
    try {
      offerCodec(this.#transceiver, codec);
      await this.#negotiate();
    } catch (thrown) {
      this.#codec = before;
      offerCodec(this.#transceiver, before);
      if (this.#peer.signalingState === 'have-local-offer') await this.#peer.setLocalDescription({ type: 'rollback' });
      throw asTalkpathError(thrown, 'negotiation_failed');
    }
  }

  /** Makes sound where the browser wanted the user to touch the page first; call it from a click. */
  async resume() {
    this.#context?.resume();
    await playThrough(this.#audio, this.#audio.srcObject);
  }

  /** After the signalling path came back: restarts ICE unless the audio path survived, as far as can be told. */
  recover(iceServers = []) {
    if (!this.#peer || this.state === 'ended') return;
    this.#restarts = 0;
    this.#peer.setConfiguration({ ...this.#peer.getConfiguration(), iceServers });
    if (this.#peer.connectionState !== 'connected') this.#restartIce({ fresh: true });
    else if (this.#networkChanged) this.#offerRestart({ fresh: true });
  }

  /** Ends the call and releases microphone, connection and audio. Idempotent. */
  end(error = null) {
    if (!this.#machine.handle('end')) return;
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#peer?.close();
    this.#microphone.close();
    for (const meter of Object.values(this.#meters)) meter.close();
    this.#context?.close();
    this.#audio.srcObject = null;
    this.#established.reject(error ?? new TalkpathError('cancelled', 'hung up'));
    this.emit('ended', error);
  }

  async #listenTo(stream) {
    this.#measure('microphone', stream);
    await this.#transceiver?.sender.replaceTrack(stream.getAudioTracks()[0]);
  }

  #createPeer() {
    if (!globalThis.RTCPeerConnection) throw new TalkpathError('webrtc_unsupported', 'no RTCPeerConnection');
    const peer = new RTCPeerConnection({ iceServers: this.#iceServers, bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    this.#unwatch = watchNetwork(() => this.#moved());
    const { stream } = this.#microphone;
    this.#transceiver = peer.addTransceiver(stream.getAudioTracks()[0], { streams: [stream] });
    if (this.#codec) offerCodec(this.#transceiver, this.#codec);
    peer.onicecandidate = ({ candidate }) => this.#trickle(candidate);
    peer.ontrack = (event) => this.#play(event.streams[0] ?? new MediaStream([event.track]));
    peer.oniceconnectionstatechange = () => this.#announce();
    peer.onconnectionstatechange = () => this.#connectionChanged(peer.connectionState);
  }

  async #negotiate() {
    const round = ++this.#round;
    await this.#peer.setLocalDescription();
    const { type, sdp } = this.#peer.localDescription;
    const answer = await this.#signalling.offer({ type, sdp });
    // A newer offer is under way, or the call is over: this answer describes a path nobody waits for.
    if (round !== this.#round || this.state === 'ended') return;
    await this.#peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    this.#agreed = answeredCodec(answer.sdp);
    this.#networkChanged = false;
  }

  #trickle(candidate) {
    // An empty candidate string marks the end of one generation (W3C WebRTC, 4.8.2); null the end of all.
    if (candidate?.candidate === '') return;
    const { candidate: line, sdpMid, sdpMLineIndex } = candidate ?? {};
    this.#signalling.candidate(candidate && { candidate: line, sdpMid, sdpMLineIndex });
  }

  async #play(stream) {
    this.#measure('agent', stream);
    try {
      await playThrough(this.#audio, stream);
    } catch (error) {
      this.emit('error', error);
    }
  }

  #measure(way, stream) {
    this.#context ??= new AudioContext();
    this.#meters[way]?.close();
    delete this.#meters[way];
    try {
      this.#meters[way] = new LevelMeter(this.#context, stream);
    } catch (error) {
      // Firefox refuses a stream whose rate differs from the context's. A call without a meter is still a call.
      if (error.name !== 'NotSupportedError') throw error;
    }
  }

  #connectionChanged(connection) {
    if (connection === 'connected') this.#connected();
    if (connection === 'disconnected') this.#lost(HEAL_MS);
    if (connection === 'failed') this.#lost(0);
    this.#announce();
  }

  #connected() {
    clearTimeout(this.#timer);
    this.#restarts = 0;
    this.#wasConnected = true;
    this.#machine.handle('connected');
    this.#established.resolve();
  }

  #lost(healMs) {
    // A first connection that fails is not restarted: the path never existed.
    if (this.state === 'connecting') this.end(iceFailed('the connection checks failed'));
    else this.#machine.handle('lost');
    if (this.state === 'reconnecting') this.#deadline(healMs, () => this.#restartIce());
  }

  /** A path over the network of before may be dead for seconds before that shows. */
  #moved() {
    this.#networkChanged = true;
    this.#restarts = 0;
    if (this.state === 'connected') this.#offerRestart();
    if (this.state === 'reconnecting') this.#restartIce();
  }

  /** @param fresh the signalling connection was made just now */
  #restartIce({ fresh = false } = {}) {
    if (this.state === 'ended') return;
    if (this.#restarts >= MAX_RESTARTS) return this.end(iceFailed('the audio path did not come back'));
    this.#restarts += 1;
    this.#deadline(RESTART_TIMEOUT_MS, () => this.#restartIce());
    this.#offerRestart({ fresh });
  }

  async #offerRestart({ fresh = false } = {}) {
    this.#peer.restartIce();
    const doubt = fresh ? null : setTimeout(() => this.#signalling.reconnect(), DOUBT_MS);
    try {
      await this.#negotiate();
    } catch (thrown) {
      const error = asTalkpathError(thrown, 'negotiation_failed');
      if (SIGNALLING_LOST.has(error.code)) clearTimeout(this.#timer);
      else if (error.code !== 'timeout') this.end(error);
    } finally {
      clearTimeout(doubt);
    }
  }

  #deadline(ms, expired) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(expired, ms);
  }

  #announce() {
    this.emit('state', {
      call: this.state,
      connection: this.#peer?.connectionState ?? 'new',
      ice: this.#peer?.iceConnectionState ?? 'new',
    });
  }
}

function iceFailed(detail) {
  return new TalkpathError('ice_failed', detail);
}
