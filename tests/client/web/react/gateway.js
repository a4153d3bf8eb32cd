/** The gateway's side of the contract for tests of the hooks: a real Socket.IO server that each test plays by hand. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

export class Gateway {
  requests = [];
  refusals = {};
  #http = createServer();
  #server = new Server(this.#http, { cors: { origin: true }, pingInterval: 100 });

  async start() {
    this.#server.on('connection', (socket) => socket.onAny((name, ...args) => this.#received(name, args)));
    await new Promise((listening) => this.#http.listen(0, '127.0.0.1', listening));
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.#http.address().port}`;
  }

  emit(name, ...args) {
    this.#server.emit(name, ...args);
  }

  /** The first argument of every event of that name. */
  requested(name) {
    return this.requests.filter(([requested]) => requested === name).map(([, payload]) => payload);
  }

  /** As a network does it. */
  dropConnections() {
    for (const { conn } of this.#server.sockets.sockets.values()) conn.transport.socket.terminate();
  }

  async stop() {
    await this.#server.close();
  }

  #received(name, args) {
    const acknowledge = args.pop();
    this.requests.push([name, ...args]);
    const error = this.refusals[name];
    acknowledge(error ? { ok: false, error } : { ok: true, ...this.#answer(name, args[0]) });
  }

  #answer(name, payload) {
    if (name === 'send_audio') return { format: 'wav', sampleRate: 8000, channels: 1, durationMs: 1 };
    if (name !== 'join_session') return {};
    const { sessionId = 'sess_1', userId = 'guest' } = payload;
    return { sessionId, resumeToken: 'resume_1', userId, iceServers: [], agentSet: 'chat_supervisor' };
  }
}
