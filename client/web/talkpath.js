/**
 * Talkpath in a browser: a session with a gateway over Socket.IO and a call over WebRTC, or over Socket.IO as well.
 *
 *     const talkpath = new Talkpath();
 *     talkpath.on('message', ({ role, content }) => console.log(role, content));
 *     await talkpath.connect({ url: 'http://localhost:8000', userId: 'alice' });
 *     await talkpath.startCall();
 *
 * Methods reject with a TalkpathError {code, message}; types and events are in talkpath.d.ts.
 */
import { Activity } from './lib/activity.js';
import { Call } from './lib/call.js';
import { checkCodec } from './lib/codecs.js';
import { watchDevices } from './lib/devices.js';
import { Emitter } from './lib/emitter.js';
import { TalkpathError, fromGateway } from './lib/errors.js';
import { SILENCE_DBFS } from './lib/levels.js';
import { PcmCall } from './lib/pcm_call.js';
import { chooseSpeaker } from './lib/playback.js';
import { Repeats } from './lib/repeats.js';
import { Session } from './lib/session.js';
import { TurnControl } from './lib/turns.js';
import { asUpload } from './lib/upload.js';

export { CODECS } from './lib/codecs.js';
export { listDevices, watchDevices } from './lib/devices.js';
export { TalkpathError } from './lib/errors.js';
export { SILENCE_DBFS } from './lib/levels.js';
export { Transcript } from './lib/transcript.js';

/** The agent's level is looked at this often to tell whether it is speaking. */
const LISTEN_EVERY_MS = 100;

const TRANSPORTS = ['webrtc', 'pcm'];
/** What gateways take header-less PCM16 for, unless they are set otherwise. */
const PCM_RATE = 24_000;

export class Talkpath extends Emitter {
  #session = new Session();
  #call = null;
  #audio;
  #iceServers = [];
  #userId = null;
  #microphone = {};
  #codec = null;
  #transport = 'webrtc';
  #listening = null;
  #unwatch = () => {};
  #repeats = new Repeats();
  #activity = new Activity((phase) => this.emit('phase', { phase }));
  #turns = new TurnControl({
    request: (...event) => this.#requestTurn(...event),
    agentBusy: () => this.#activity.agentBusy,
    changed: () => this.#turnsChanged(),
  });

  /** @param audioElement plays the agent; without one the library makes its own, when there is something to play */
  constructor({ audioElement = null } = {}) {
    super();
    this.#audio = audioElement;
    this.#session.on('state', (state) => this.#sessionState(state));
    this.#session.on('audio', (base64) => this.#pcm?.hear(base64));
    this.#session.on('event', ({ name, args }) => this.#received(name, args));
    this.#session.on('resumed', (joined) => this.#resumed(joined));
    this.#session.on('ended', (error) => this.#sessionEnded(error));
  }

  get state() {
    return this.#session.state;
  }

  get callState() {
    return this.#call?.state ?? 'idle';
  }

  get phase() {
    return this.#activity.phase;
  }

  get sessionId() {
    return this.#session.sessionId;
  }

  get userId() {
    return this.#userId;
  }

  get mode() {
    return this.#turns.mode;
  }

  get muted() {
    return this.#turns.muted;
  }

  get talking() {
    return this.#turns.talking;
  }

  get levels() {
    return this.#call?.levels ?? { microphone: SILENCE_DBFS, agent: SILENCE_DBFS };
  }

  get remoteStream() {
    return this.#call?.remoteStream ?? null;
  }

  get microphoneStream() {
    return this.#call?.microphoneStream ?? null;
  }

  /** What WebRTC calls are to speak; null: any. */
  get codec() {
    return this.#codec;
  }

  /** What the running WebRTC call speaks; null without one. */
  get codecInUse() {
    return this.#call?.codec ?? null;
  }

  /** 'webrtc' or 'pcm': of the running call, or of the last one. */
  get transport() {
    return this.#transport;
  }

  /** How the jitter buffer of a PCM call stands. */
  get playout() {
    return this.#pcm?.playout ?? null;
  }

  async connect({ url, userId, agentSet, voice, instructions, language, token } = {}) {
    const profile = withoutEmpty({ userId, agentSet, voice, instructions, language });
    const joined = await this.#session.open({ url, token, ...profile });
    this.#iceServers = joined.iceServers ?? [];
    this.#userId = joined.userId ?? null;
    await this.#settle();
    const { sessionId, agentSet: answeredBy } = joined;
    return { sessionId, userId: this.#userId, agentSet: answeredBy };
  }

  /** Hangs up and ends the session. Never fails. */
  async disconnect() {
    this.#endCall();
    await this.#session.close();
  }

  /** Resolves once audio flows both ways. */
  async startCall({ transport = 'webrtc', deviceId = '', processing = true, pcmRate = PCM_RATE } = {}) {
    if (!TRANSPORTS.includes(transport)) throw new TalkpathError('bad_state', `unknown transport ${transport}`);
    if (this.state !== 'connected') throw new TalkpathError('not_connected', 'connect first');
    if (this.#call) throw new TalkpathError('bad_state', 'a call is already running');
    this.#microphone = { deviceId, processing };
    this.#transport = transport;
    const call = transport === 'pcm' ? this.#newPcmCall(pcmRate) : this.#newCall();
    this.#follow(call);
    this.#turns.reset();
    this.#unwatch = watchDevices((devices) => this.#devicesChanged(devices));
    this.#listening = setInterval(() => this.#listen(), LISTEN_EVERY_MS);
    await call.start(this.#microphone);
  }

  /** Ends the call; the session stays open for text or another call. */
  async hangUp() {
    if (!this.#call) return;
    const online = this.state === 'connected';
    const { agentBusy } = this.#activity;
    const { muted } = this.#turns;
    this.#endCall();
    const last = [];
    if (online && agentBusy) last.push(this.interrupt());
    if (online && muted) last.push(this.mute(false));
    await Promise.all(last);
  }

  async sendText(text) {
    await this.#session.request('send_text', text);
  }

  /** Stops the agent's answer now. */
  async interrupt() {
    const stopped = this.#session.request('interrupt');
    await (this.#pcm?.flush(stopped) ?? stopped);
  }

  /** A recording into the conversation; whose turn it is, turn detection or `commitAudio` says. */
  async sendAudio(recording, format) {
    const { ok, ...understood } = await this.#session.request('send_audio', ...(await asUpload(recording, format)));
    return understood;
  }

  /** What was sent is a turn, and is answered. */
  async commitAudio() {
    await this.#session.request('commit_audio');
  }

  /** Drops what was sent and not committed. */
  async clearAudio() {
    await this.#session.request('clear_audio');
  }

  /** Keys of a telephone, of `0-9*#A-D`, as if keyed during the call. */
  async sendDtmf(keys) {
    await this.#session.request('send_dtmf', keys);
  }

  async mute(muted) {
    await this.#turns.setMuted(Boolean(muted));
  }

  /** 'hands-free' or 'push-to-talk'; remembered for the next session while there is none. */
  async setMode(mode) {
    await this.#turns.setMode(mode, this.state === 'connected');
  }

  async pressToTalk() {
    if (this.callState === 'connected') await this.#turns.press();
  }

  async releaseToTalk() {
    await this.#turns.release();
  }

  /** Partial session settings, as in the contract's `update_session`. */
  async updateSession(settings) {
    await this.#session.request('update_session', settings);
  }

  /** Another microphone for the running call; before a call it is an argument of `startCall`. */
  async setMicrophone(deviceId) {
    if (!this.#call) throw new TalkpathError('bad_state', 'no call is running');
    this.#microphone = { ...this.#microphone, deviceId };
    await this.#call.setMicrophone(this.#microphone);
  }

  /** Another loudspeaker, where the browser lets a page choose one. */
  async setSpeaker(deviceId) {
    await chooseSpeaker(this.#element, deviceId);
  }

  /** The codec of WebRTC calls, this one and later ones; null: any. */
  async setCodec(codec) {
    if (codec !== null) checkCodec(codec);
    if (this.#call instanceof Call) await this.#call.setCodec(codec);
    this.#codec = codec;
  }

  /** After `playback_blocked`: makes sound, if called from a click. */
  async resumeAudio() {
    await this.#call?.resume();
  }

  get #element() {
    return (this.#audio ??= new Audio());
  }

  get #pcm() {
    return this.#call instanceof PcmCall ? this.#call : null;
  }

  /** In a PCM call a turn's beginning and end must keep their places between the chunks of audio. */
  #requestTurn(name, ...args) {
    if (name === 'interrupt') return this.interrupt();
    const ordered = name === 'clear_audio' || name === 'commit_audio';
    return ordered && this.#pcm ? this.#pcm.request(name) : this.#session.request(name, ...args);
  }

  /** Tells a fresh session what was chosen before there was one; without that it is of no use. */
  async #settle() {
    const { initialUpdate } = this.#turns;
    if (!initialUpdate) return;
    try {
      await this.#session.request('update_session', initialUpdate);
    } catch (error) {
      await this.#session.close();
      throw error;
    }
  }

  #newCall() {
    return new Call({
      signalling: {
        offer: (offer) => this.#session.request('webrtc_offer', offer),
        candidate: (candidate) => this.#sendCandidate(candidate),
        reconnect: () => this.#session.reconnect(),
      },
      audio: this.#element,
      iceServers: this.#iceServers,
      codec: this.#codec,
    });
  }

  #newPcmCall(rate) {
    return new PcmCall({ request: (...event) => this.#session.request(...event), audio: this.#element, rate });
  }

  #follow(call) {
    this.#call = call;
    call.on('microphone_lost', (lost) => this.emit('microphone_lost', lost));
    call.on('state', (state) => this.emit('call_state', state));
    call.on('error', (error) => this.emit('error', error));
    call.on('ended', (error) => this.#callEnded(call, error));
  }

  #sendCandidate(candidate) {
    // Losing one is not fatal: others may do, and after a reconnect ICE is restarted. The gateway says why it
    // refused one in its `error` event.
    this.#session.request('ice_candidate', candidate).catch(() => {});
  }

  #endCall() {
    this.#call?.end();
  }

  #callEnded(call, error) {
    // What ends a call that is still being set up is told by startCall's rejection.
    this.#call = null;
    clearInterval(this.#listening);
    this.#unwatch();
    this.#turns.reset();
    this.#activity.reset();
    if (error && call.wasConnected) this.emit('error', error);
  }

  #listen() {
    this.#activity.hear(this.#call.levels.agent, performance.now());
  }

  #turnsChanged() {
    this.#call?.setMicrophoneOpen(this.#turns.microphoneOpen);
    this.#activity.setPressed(this.#turns.talking);
    this.emit('turns', { mode: this.mode, muted: this.muted, talking: this.talking });
  }

  /** Sound for a loudspeaker that was pulled out would be lost. */
  async #devicesChanged({ speakers }) {
    const { sinkId } = this.#element;
    if (!sinkId || speakers.some(({ deviceId }) => deviceId === sinkId)) return;
    await this.setSpeaker('').catch((error) => this.emit('error', error));
    this.emit('speaker_lost', {});
  }

  #sessionState(state) {
    if (state === 'reconnecting') this.#pcm?.drop();
    this.emit('state', { state });
  }

  #resumed(joined) {
    this.#iceServers = joined.iceServers ?? this.#iceServers;
    this.#call?.recover(this.#iceServers);
  }

  #sessionEnded(error) {
    this.#endCall();
    this.#turns.forget();
    this.#repeats.forget();
    this.#activity.reset();
    if (error.code !== 'cancelled') this.emit('error', error);
  }

  #received(name, args) {
    const data = name === 'transcript' ? { text: args[0], role: args[1] } : args[0];
    if (this.#repeats.seen(name, data)) return;
    if (name === 'realtime_event') this.#activity.observe(data);
    if (name === 'audio_interrupted') {
      this.#pcm?.flush();
      this.#activity.interrupted();
    }
    this.emit(name, name === 'error' ? fromGateway(data) : data);
    this.emit('event', { name, data });
  }
}

function withoutEmpty(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
}
