/** A phone on the gateway's SIP over WebSocket, by JsSIP: one account, one call at a time. */
import { Emitter } from '../lib/emitter.js';
import JsSIP from '../vendor/jssip.esm.min.js';

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

const BUSY = 503;

/** Emits `change` whenever one of its properties does. */
export class SipPhone extends Emitter {
  /** 'offline' | 'connecting' | 'online' */
  line = 'offline';
  /** 'none' | 'registering' | 'registered' | 'refused' */
  registration = 'none';
  /** 'idle' | 'calling' | 'talking' | 'held' | 'over' | 'failed' */
  call = 'idle';
  /** Why it failed: a key of `sipCause`, or JsSIP's words. */
  cause = '';
  muted = false;
  #audio;
  #agent = null;
  #account = null;
  #connected = null;
  #session = null;

  /** @param audio the element that plays what is heard */
  constructor(audio) {
    super();
    this.#audio = audio;
  }

  get inCall() {
    return this.call === 'calling' || this.connected;
  }

  get connected() {
    return this.call === 'talking' || this.call === 'held';
  }

  /** Calls `user` at the gateway, as `account`: `{name, password}`. */
  async dial(user, account) {
    this.#set({ call: 'calling', cause: '', muted: false });
    if (!navigator.mediaDevices) {
      this.#set({ call: 'failed', cause: 'microphone' }); // The page's origin is not secure.
      return;
    }
    if (!(await this.#online(account))) {
      this.#set({ call: 'failed', cause: 'connection' });
      return;
    }
    if (this.call !== 'calling') return; // Given up meanwhile.
    try {
      this.#agent.call(`sip:${encodeURIComponent(user)}@${location.hostname}`, {
        mediaConstraints: { audio: true, video: false },
        pcConfig: { iceServers: [] },
        eventHandlers: this.#events(),
      });
    } catch {
      this.#set({ call: 'failed', cause: 'target' });
    }
  }

  #events() {
    return {
      peerconnection: ({ peerconnection }) => {
        peerconnection.addEventListener('track', ({ track }) => {
          this.#audio.srcObject = new MediaStream([track]);
        });
      },
      sending: () => this.#set({ call: 'calling' }),
      confirmed: () => this.#set({ call: 'talking' }),
      muted: () => this.#set({ muted: true }),
      unmuted: () => this.#set({ muted: false }),
      ended: () => this.#over('over', ''),
      failed: ({ cause, message }) => {
        if (cause === 'Canceled') this.#over('over', '');
        else this.#over('failed', message?.status_code === BUSY ? 'busy' : (CAUSES[cause] ?? cause));
      },
    };
  }

  #over(call, cause) {
    this.#session = null;
    this.#audio.srcObject = null;
    this.#set({ call, cause });
  }

  hangUp() {
    if (this.#session) this.#session.terminate();
    else this.#over('over', '');
  }

  toggleMute() {
    if (this.muted) this.#session?.unmute({ audio: true });
    else this.#session?.mute({ audio: true });
  }

  /** The state changes once the gateway has agreed. */
  toggleHold() {
    if (this.call === 'held') this.#session?.unhold({}, () => this.#set({ call: 'talking' }));
    else this.#session?.hold({}, () => this.#set({ call: 'held' }));
  }

  /** @param key of `0-9*#A-D` */
  press(key) {
    this.#session?.sendDTMF(key, { transportType: 'INFO' });
  }

  /** Tells the gateway where `account` is reached. */
  async register(account) {
    if (!(await this.#online(account))) return;
    this.#set({ registration: 'registering' });
    this.#agent.register();
  }

  unregister() {
    this.#agent?.unregister();
  }

  stop() {
    this.#agent?.stop();
  }

  /** Resolves with whether there is a connection to the gateway for `account`. */
  #online(account) {
    const same = this.#account?.name === account.name && this.#account.password === account.password;
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
      session_timers: false,
    });
    this.#agent = agent;
    this.#account = account;
    this.#set({ line: 'connecting', registration: 'none' });
    agent.on('newRTCSession', ({ session, originator }) => {
      if (originator === 'local') this.#session = session;
      else session.terminate({ status_code: 480 });
    });
    agent.on('registered', () => this.#set({ registration: 'registered' }));
    agent.on('unregistered', () => this.#set({ registration: 'none' }));
    agent.on('registrationFailed', () => this.#set({ registration: 'refused' }));
    agent.on('connected', () => this.#set({ line: 'online' }));
    agent.on('disconnected', () => this.#set({ line: 'offline' }));
    this.#connected = new Promise((resolve) => {
      agent.once('connected', () => resolve(true));
      agent.once('disconnected', () => resolve(false));
    });
    agent.start();
  }

  #set(values) {
    Object.assign(this, values);
    this.emit('change');
  }
}
