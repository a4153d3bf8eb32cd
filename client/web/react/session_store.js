import { Transcript } from '../lib/transcript.js';
import { Store } from './store.js';

const NEW_SESSION = { sessionId: null, userId: null, agentSet: null, agent: null, error: null };

/** What `useBridgeSession` shows of a Talkpath. */
export class SessionStore extends Store {
  #client;
  #transcript = new Transcript(() => this.set({ messages: this.#messages() }));

  constructor(client) {
    super({ status: client.state, ...NEW_SESSION, messages: [] });
    this.#client = client;
    client.on('state', ({ state }) => this.set({ status: state }));
    client.on('error', (error) => this.set({ error }));
    client.on('message', (message) => this.#transcript.message(message));
    client.on('transcript_delta', (delta) => this.#transcript.delta(delta));
    client.on('audio_interrupted', (cut) => this.#transcript.interrupted(cut));
    client.on('realtime_event', (event) => this.#transcript.observe(event));
    client.on('agent_response', ({ agent }) => this.set({ agent }));
  }

  /** Begins a session. The conversation of the one before can be read until then. */
  async connect(profile) {
    this.#transcript.clear();
    this.set(NEW_SESSION);
    const { sessionId, userId, agentSet = null } = await this.#client.connect(profile);
    this.set({ sessionId, userId, agentSet });
  }

  #messages() {
    const shown = new Map(this.getSnapshot().messages.map((message) => [message.id, message]));
    return this.#transcript.lines.map((line) => kept(shown.get(line.id), asMessage(line)));
  }
}

function asMessage({ id, role, type, text, live, interrupted, audioEndMs, unclear, timestamp = null }) {
  const about = { streaming: live, interrupted, audioEndMs, unclear, timestamp };
  return { id, role, type: type ?? 'audio', content: text, ...about };
}

/** The same object for the same message: rows that did not change need not be drawn. */
function kept(before, now) {
  const same = before && Object.keys(now).every((key) => before[key] === now[key]);
  return same ? before : now;
}
