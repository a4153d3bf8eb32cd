/** State outside of React, as `useSyncExternalStore` wants it: an immutable snapshot and who is told of the next one. */
export class Store {
  #snapshot;
  #listeners = new Set();

  constructor(snapshot) {
    this.#snapshot = snapshot;
  }

  subscribe = (listener) => {
    this.#listeners.add(listener);
    this.watched?.(true);
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) this.watched?.(false);
    };
  };

  getSnapshot = () => this.#snapshot;

  /** Nobody is told of a change that is none. */
  set(changes) {
    const changed = Object.entries(changes).some(([key, value]) => !Object.is(value, this.#snapshot[key]));
    if (!changed) return;
    this.#snapshot = { ...this.#snapshot, ...changes };
    for (const listener of [...this.#listeners]) listener();
  }

  /** Runs what a control asks for. It never rejects: a failure becomes `error`, and the result false. */
  async attempt(action) {
    try {
      return (await action()) ?? true;
    } catch (error) {
      // Cancelling is what the user wanted.
      if (error.code !== 'cancelled') this.set({ error });
      return false;
    }
  }
}

const made = new WeakMap();

/** The one store of that kind for this client: components share it, and it goes when the client goes. */
export function storeOf(Kind, client) {
  if (!made.has(client)) made.set(client, new Map());
  const stores = made.get(client);
  if (!stores.has(Kind)) stores.set(Kind, new Kind(client));
  return stores.get(Kind);
}
