import { listDevices } from '../lib/devices.js';
import { SILENCE_DBFS } from '../lib/levels.js';
import { Store } from './store.js';

/** What `useBridgeAudio` shows of a Talkpath, but for the levels. */
export class AudioStore extends Store {
  #client;

  constructor(client) {
    super({
      ...look(client),
      devices: { microphones: [], speakers: [] },
      microphone: '',
      lostMicrophone: null,
      error: null,
    });
    this.#client = client;
    for (const name of ['call_state', 'turns', 'phase']) client.on(name, () => this.set(look(client)));
    client.on('microphone_lost', ({ label }) => this.set({ lostMicrophone: label, microphone: '' }));
  }

  async start(options) {
    this.set({ error: null, lostMicrophone: null });
    await this.#client.startCall({ deviceId: this.getSnapshot().microphone, ...options });
    // Their names become visible with the permission.
    await this.lookForDevices();
  }

  async setMicrophone(deviceId) {
    if (this.#client.callState !== 'idle') await this.#client.setMicrophone(deviceId);
    this.set({ microphone: deviceId, lostMicrophone: null });
  }

  async lookForDevices() {
    try {
      this.set({ devices: await listDevices() });
    } catch {
      // An insecure origin has none, as `start` will say.
    }
  }
}

function look({ callState, transport, phase, mode, muted, talking }) {
  const inCall = callState === 'connected' || callState === 'reconnecting';
  const open = mode === 'push-to-talk' ? talking : !muted;
  return { callState, transport, phase, turnMode: mode, muted, talking, isListening: inCall && open };
}

const QUIET = { micLevel: SILENCE_DBFS, agentLevel: SILENCE_DBFS };
/** As often as a meter can be read. */
const LEVELS_EVERY_MS = 100;

/** The levels of both directions; they are read while somebody watches, and only then. */
export class LevelStore extends Store {
  #client;
  #timer = null;

  constructor(client) {
    super(QUIET);
    this.#client = client;
  }

  watched(watched) {
    if (watched) this.#timer ??= setInterval(() => this.#read(), LEVELS_EVERY_MS);
    else this.#timer = clearInterval(this.#timer) ?? null;
  }

  #read() {
    const { microphone, agent } = this.#client.levels;
    this.set({ micLevel: microphone, agentLevel: agent });
  }
}

/** For a component that shows no levels: it is never drawn for them. */
export const NO_LEVELS = new Store(QUIET);
