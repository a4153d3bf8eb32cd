/**
 * One session with a gateway over Socket.IO: join, requests with acknowledgement, reconnect and resume.
 *
 * Events: `state` (disconnected | connecting | connected | reconnecting), `event` {name, args} for what the
 * gateway emits, `audio` (base64) for the agent's voice, `resumed` (the acknowledgement of the join), `ended` (the TalkpathError that says why it is over;
 * its code is `cancelled` after `close()`).
 */
import { io } from '../vendor/socket.io.esm.min.js';
import { Emitter } from './emitter.js';
import { TalkpathError, deferred, fromGateway } from './errors.js';
import { Machine } from './machine.js';

const CONNECT_TIMEOUT_MS = 10_000;
const ACK_TIMEOUT_MS = 10_000;
/** A recording may take a while on its way. */
const UPLOAD_TIMEOUT_MS = 60_000;
const GOODBYE_TIMEOUT_MS = 2_000;
/** How long a lost gateway is called again. Longer than a gateway's default grace of 30 s. */
const RECONNECT_FOR_MS = 60_000;

/** Why a session cannot be resumed just now, and when to ask again; nothing: the socket reconnects by itself. */
const AGAIN = new Map([
  ['connection_lost', {}],
  ['upstream_unavailable', { afterMs: 1_000 }],
]);

const GATEWAY_EVENTS = [
  'session_status',
  'message',
  'agent_response',
  'transcript',
  'transcript_delta',
  'audio_interrupted',
  'realtime_event',
  'webrtc_state',
  'call_stats',
  'agent_event',
  'error',
];

const TRANSITIONS = {
  disconnected: { open: 'connecting' },
  connecting: { joined: 'connected', end: 'disconnected' },
  connected: { dropped: 'reconnecting', end: 'disconnected' },
  reconnecting: { joined: 'connected', end: 'disconnected' },
};

export class Session extends Emitter {
  #machine = new Machine(TRANSITIONS, 'disconnected', (state) => this.emit('state', state));
  #socket = null;
  #profile = {};
  #credentials = {};
  #opening = null;
  #giveUp = null;
  #closing = false;

  get state() {
    return this.#machine.state;
  }

  get sessionId() {
    return this.#credentials.sessionId ?? null;
  }

  /**
   * Connects and joins; resolves with the acknowledgement of `join_session`.
   * @param url base URL of the gateway; a path on it is where the gateway is mounted
   * @param token sent as Socket.IO `auth`
   * @param profile the rest of `join_session`: userId, agentSet, voice, instructions, language
   */
  async open({ url, token, ...profile }) {
    const base = gatewayUrl(url);
    if (!this.#machine.handle('open')) throw new TalkpathError('bad_state', 'already connected');
    this.#profile = profile;
    this.#credentials = {};
    this.#closing = false;
    this.#opening = deferred();
    this.#connect(base, token);
    return this.#opening.promise;
  }

  /** Sends one event; resolves with its acknowledgement, rejects with a TalkpathError. */
  async request(name, ...args) {
    if (this.state !== 'connected') throw new TalkpathError('not_connected', `${name}: no session`);
    return request(this.#socket, name === 'send_audio' ? UPLOAD_TIMEOUT_MS : ACK_TIMEOUT_MS, name, args);
  }

  /** Makes a connection anew that is most likely dead. */
  reconnect() {
    if (this.state === 'connected') this.#socket.io.engine.close();
  }

  /** Ends the session on the gateway, then the connection. Never fails: the gateway may be gone. */
  async close() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closing = true;
    if (this.state === 'connected') {
      await request(socket, GOODBYE_TIMEOUT_MS, 'disconnect_session', []).catch(() => {});
    }
    if (socket === this.#socket) this.#end(null);
  }

  #connect(base, token) {
    const socket = io(base.origin, {
      path: `${base.pathname.replace(/\/+$/, '')}/socket.io`,
      auth: token ? { token } : {},
      // Latency: WebSocket at once; polling only where a proxy allows nothing else.
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      timeout: CONNECT_TIMEOUT_MS,
      reconnectionDelay: 300,
      reconnectionDelayMax: 3_000,
      multiplex: false,
      autoConnect: false,
    });
    this.#socket = socket;
    socket.on('connect', () => this.#join(socket));
    socket.on('connect_error', (error) => this.#connectFailed(error));
    socket.on('disconnect', (reason) => this.#disconnected(reason));
    for (const name of GATEWAY_EVENTS) socket.on(name, (...args) => this.#received(name, args));
    socket.on('audio_response', (base64) => this.emit('audio', base64));
    socket.connect();
  }

  async #join(socket) {
    try {
      const join = { ...this.#profile, ...this.#credentials };
      const joined = await request(socket, ACK_TIMEOUT_MS, 'join_session', [join]);
      if (socket === this.#socket) this.#joined(joined);
    } catch (error) {
      const again = this.state === 'reconnecting' && AGAIN.get(error.code);
      if (socket !== this.#socket) return;
      if (!again) this.#end(error);
      else if (again.afterMs) setTimeout(() => this.#joinAgain(socket), again.afterMs);
    }
  }

  #joinAgain(socket) {
    if (socket === this.#socket && socket.connected && this.state === 'reconnecting') this.#join(socket);
  }

  #joined(joined) {
    const resumed = this.state === 'reconnecting';
    clearTimeout(this.#giveUp);
    this.#credentials = { sessionId: joined.sessionId, resumeToken: joined.resumeToken };
    this.#machine.handle('joined');
    if (resumed) this.emit('resumed', joined);
    else this.#opening.resolve(joined);
  }

  #connectFailed(error) {
    // socket.io keeps `active` while it will try again; a gateway that refused the connection clears it.
    if (!this.#socket.active) this.#end(refusal(error));
    else if (this.state === 'connecting') this.#end(unreachable(error.message));
  }

  #disconnected(reason) {
    if (reason === 'io server disconnect') {
      this.#end(new TalkpathError('session_ended', 'the gateway closed the connection'));
    } else if (this.#machine.handle('dropped')) {
      this.#giveUp = setTimeout(() => this.#end(unreachable(reason)), RECONNECT_FOR_MS);
    }
  }

  #received(name, args) {
    this.emit('event', { name, args });
    const over = name === 'session_status' && args[0]?.status === 'DISCONNECTED';
    if (over && this.state === 'connected' && args[0].sessionId === this.sessionId) {
      this.#end(new TalkpathError('session_ended', args[0].reason ?? ''));
    }
  }

  #end(cause) {
    // A gateway that says goodbye to our goodbye is no failure.
    const error = this.#closing ? new TalkpathError('cancelled', 'closed by the caller') : cause;
    clearTimeout(this.#giveUp);
    const socket = this.#socket;
    const opening = this.state === 'connecting';
    this.#socket = null;
    this.#credentials = {};
    socket?.off();
    socket?.disconnect();
    if (!this.#machine.handle('end')) return;
    if (opening) this.#opening.reject(error);
    else this.emit('ended', error);
  }
}

async function request(socket, timeoutMs, name, args) {
  let ack;
  try {
    ack = await socket.timeout(timeoutMs).emitWithAck(name, ...args);
  } catch (error) {
    if (socket.connected) throw new TalkpathError('timeout', `${name}: no answer`, { cause: error });
    throw new TalkpathError('connection_lost', `${name}: connection lost`, { cause: error });
  }
  if (ack?.ok !== true) throw fromGateway(ack?.error);
  return ack;
}

/** A gateway's address as a user types it: scheme optional, path allowed, nothing for the page's own host. */
export function gatewayUrl(text) {
  const typed = (text ?? '').trim() || location.origin;
  const full = /^[a-z]+:\/\//i.test(typed) ? typed : `${location.protocol}//${typed}`;
  const url = URL.canParse(full) ? new URL(full) : null;
  if (!url || !/^(https?|wss?):$/.test(url.protocol)) throw new TalkpathError('bad_url', typed);
  return url;
}

/** A refused connection carries either `data: {code, message}` or a code alone as its message. */
function refusal(error) {
  const named = /^[a-z_]+$/.test(error.message) ? error.message : 'unauthorized';
  return new TalkpathError(error.data?.code ?? named, error.data?.message ?? error.message);
}

function unreachable(detail) {
  return new TalkpathError('gateway_unreachable', detail);
}
