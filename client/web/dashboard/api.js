/** The gateway's HTTP routes for operators. The token goes into a header and nowhere else. */
import { TalkpathError, fromGateway } from '../lib/errors.js';

const PATIENCE_MS = 10_000;

export class Api {
  #token;

  /** @param token `() => string`: empty at an open gateway */
  constructor(token) {
    this.#token = token;
  }

  /** The JSON at a path below `/api`. Throws TalkpathError. */
  async get(path) {
    const response = await this.#ask('GET', path);
    return response.json();
  }

  /** How the gateway is; anybody may know. */
  async health() {
    const response = await fetch('/health', { signal: AbortSignal.timeout(PATIENCE_MS), credentials: 'omit' });
    return response.json();
  }

  /** The response to a POST; `body` is sent as JSON. */
  post(path, body) {
    if (body === undefined) return this.#ask('POST', path);
    return this.#ask('POST', path, JSON.stringify(body), 'application/json');
  }

  /** `{sdp, location}` of the answer to an offer. */
  async offer(path, sdp) {
    const response = await this.#ask('POST', path, sdp, 'application/sdp');
    return { sdp: await response.text(), location: response.headers.get('Location') };
  }

  /** What `location` of an answer names ends. */
  delete(location) {
    return this.#ask('DELETE', new URL(location, window.location.href).pathname.replace(/^\/api/, ''));
  }

  async #ask(method, path, body, type) {
    const headers = type ? { 'Content-Type': type } : {};
    const token = this.#token();
    if (token) headers.Authorization = `Bearer ${token}`;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    let response;
    try {
      response = await fetch(`/api${path}`, { method, headers, body, signal, cache: 'no-store', credentials: 'omit' });
    } catch (error) {
      throw new TalkpathError('gateway_unreachable', error.message, { cause: error });
    }
    if (response.ok) return response;
    throw fromGateway((await response.json().catch(() => null))?.error);
  }
}
