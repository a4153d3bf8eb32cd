/** A phone on the gateway's SIP over WebSocket, by JsSIP: one account, one call at a time. */
import { Emitter } from '../lib/emitter.js';
import JsSIP from '../vendor/jssip.esm.min.js';
import { fetchIceServers } from './sip_ice_servers.js';

/** JsSIP's cause -> what it means here; others are shown as they are. */
const CAUSES = {
  'Authentication Error': 'authentication',
  'Rejected': 'authentication',
  'Not Found': 'unknown',
  'User Denied Media Access': 'microphone',
  'Incompatible SDP': 'media',
  'Bad Media Description': 'media',
  'WebRTC Error': 'media',
  'Connection Error': 'connection',
  'Request Timeout': 'connection',
};

/** JsSIP's causes of a call that came and was not answered. */
const MISSED = ['Canceled', 'No Answer'];

const UNAVAILABLE = 503;
const BUSY_HERE = 486;
const DECLINE = 603;

/** What the CANCEL of a call says which somebody else has answered (RFC 3326). */
const ELSEWHERE = /cause\s*=\s*200\b/;

/** How long STUN and TURN servers have to answer, from the first candidate on. */
const GATHERING_MS = 1000;

const MICROPHONE = { audio: true, video: false };

/** Emits `change` whenever one of its properties does. */
export class SipPhone extends Emitter {
  /** 'offline' | 'connecting' | 'online' */
  line = 'offline';
  /** 'none' | 'registering' | 'registered' | 'refused' */
  registration = 'none';
  /** 'idle' | 'calling' | 'ringing' | 'answering' | 'talking' | 'held' | 'over' | 'missed' | 'failed' */
  call = 'idle';
  /** Who called, as long as it matters. */
  caller = '';
  /** Why it failed: a key of `sipCause`, or JsSIP's words. */
  cause = '';
  muted = false;
  #audio;
  #agent = null;
  #account = null;
  #connected = null;
  #session = null;
  /** Whether it is to be registered, also after the connection was lost. */
  #registers = false;
  /** Of this call; what was begun for another one is to go no further. */
  #attempt = 0;

  /** @param audio the element that plays what is heard */
  constructor(audio) {
    super();
    this.#audio = audio;
  }

  get inCall() {
    return ['calling', 'ringing', 'answering'].includes(this.call) || this.connected;
  }

  get connected() {
    return this.call === 'talking' || this.call === 'held';
  }

  /** Calls `user` at the gateway, as `account`: `{name, password}`. */
  async dial(user, account) {
    const attempt = this.#begin({ call: 'calling', caller: '' });
    if (!navigator.mediaDevices) {
      this.#over('failed', 'microphone'); // The page's origin is not secure.
      return;
    }
    const online = await this.#online(account);
    if (attempt !== this.#attempt) return; // Given up meanwhile.
    if (!online) {
      this.#over('failed', 'connection');
      return;
    }
    const iceServers = await fetchIceServers(account);
    if (attempt !== this.#attempt) return;
    try {
      this.#agent.call(`sip:${encodeURIComponent(user)}@${location.hostname}`, {
        mediaConstraints: MICROPHONE,
        pcConfig: { iceServers },
      });
    } catch {
      this.#over('failed', 'target');
    }
  }

  /** Takes the call that rings. */
  async answer() {
    if (this.call !== 'ringing') return;
    const attempt = this.#attempt;
    this.#set({ call: 'answering' });
    const iceServers = await fetchIceServers(this.#account);
    if (attempt !== this.#attempt) return;
    this.#session.answer({ mediaConstraints: MICROPHONE, pcConfig: { iceServers } });
  }

  /** Hangs up, or gives up; a call that rings is declined. */
  hangUp() {
    const session = this.#session;
    const status_code = this.call === 'ringing' ? DECLINE : undefined;
    this.#over('over', '');
    if (session && !session.isEnded()) session.terminate({ status_code });
  }

  toggleMute() {
    if (this.muted) this.#session?.unmute({ audio: true });
    else this.#session?.mute({ audio: true });
  }

  /** The state changes once the gateway has agreed. */
  toggleHold() {
    const session = this.#session;
    const now = (call) => () => session === this.#session && this.#set({ call });
    if (this.call === 'held') session?.unhold({}, now('talking'));
    else session?.hold({}, now('held'));
  }

  /** @param key of `0-9*#A-D` */
  press(key) {
    this.#session?.sendDTMF(key, { transportType: 'INFO' });
  }

  /** Tells the gateway where `account` is reached, and takes its calls from then on. */
  async register(account) {
    if (!(await this.#online(account))) return;
    this.#registers = true;
    this.#bind();
  }

  #bind() {
    this.#set({ registration: 'registering' });
    this.#agent.register();
  }

  unregister() {
    this.#registers = false;
    this.#agent?.unregister();
  }

  stop() {
    this.#agent?.stop();
  }

  /** Resolves with whether there is a connection to the gateway for `account`. */
  #online(account) {
    const same = this.#account?.name === account.name && this.#account.password === account.password;
    if (!same) this.#registers = false;
    if (!same || this.line === 'offline') this.#connect(account);
    return this.#connected;
  }

  #connect(account) {
    this.#agent?.removeAllListeners().stop();
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`${scheme}://${location.host}/sip`)],
      uri: `sip:${account.name}@${location.hostname}`,
      password: account.password || null,
      register: false,
    });
    this.#agent = agent;
    this.#account = account;
    this.#set({ line: 'connecting', registration: 'none' });
    agent.on('newRTCSession', ({ session, originator }) => {
      if (originator === 'local') this.#follow(session);
      else if (this.inCall) session.terminate({ status_code: BUSY_HERE });
      else this.#ring(session);
    });
    agent.on('registered', () => this.#set({ registration: 'registered' }));
    agent.on('unregistered', () => this.#set({ registration: 'none' }));
    agent.on('registrationFailed', () => this.#set({ registration: 'refused' }));
    agent.on('connected', () => {
      this.#set({ line: 'online' });
      // The gateway forgets whose connection is lost.
      if (this.#registers) this.#bind();
    });
    agent.on('disconnected', () => this.#set({ line: 'offline', registration: 'none' }));
    this.#connected = new Promise((resolve) => {
      agent.once('connected', () => resolve(true));
      agent.once('disconnected', () => resolve(false));
    });
    agent.start();
  }

  #ring(session) {
    const { display_name, uri } = session.remote_identity;
    this.#begin({ call: 'ringing', caller: display_name || uri.user || uri.host });
    this.#follow(session);
  }

  #follow(session) {
    this.#session = session;
    const listen = (connection) =>
      connection.addEventListener('track', ({ track }) => {
        this.#audio.srcObject = new MediaStream([track]);
      });
    // A call of ours has its connection already.
    if (session.connection) listen(session.connection);
    const events = {
      peerconnection: ({ peerconnection }) => listen(peerconnection),
      icecandidate: ({ ready }) => setTimeout(ready, GATHERING_MS),
      confirmed: () => this.#set({ call: 'talking' }),
      muted: () => this.#set({ muted: true }),
      unmuted: () => this.#set({ muted: false }),
      ended: () => this.#over('over', ''),
      failed: ({ cause, message }) => {
        if (!MISSED.includes(cause)) {
          this.#over('failed', message?.status_code === UNAVAILABLE ? 'busy' : (CAUSES[cause] ?? cause));
        } else this.#over(ELSEWHERE.test(message?.getHeader('Reason')) ? 'over' : 'missed', '');
      },
    };
    for (const [name, listener] of Object.entries(events)) {
      session.on(name, (event) => session === this.#session && listener(event));
    }
  }

  /** Another call; returns its number. */
  #begin(values) {
    this.#attempt += 1;
    this.#session = null;
    this.#set({ cause: '', muted: false, ...values });
    return this.#attempt;
  }

  #over(call, cause) {
    this.#attempt += 1;
    this.#session = null;
    this.#audio.srcObject = null;
    this.#set({ call, cause });
  }

  #set(values) {
    Object.assign(this, values);
    this.emit('change');
  }
}
