/**
 * Lines that a gateway tells again. A connection that died is noticed late, so whoever resumes the session is told the
 * last lines once more, under their ids; a line that was corrected meanwhile (cut at what was heard) is not a repeat.
 */

/** More than a gateway tells again. */
const REMEMBERED = 256;

export class Repeats {
  #told = new Map();
  #line = { text: null, again: false };

  /** Whether this event was told before. Each `transcript` belongs to the `message` it follows. */
  seen(name, data) {
    if (name === 'message') {
      const again = this.#again(`message ${data.id}`, [data.content, data.data]);
      this.#line = { text: data.content, again };
      return again;
    }
    if (name === 'agent_response') return this.#again(`agent ${data.id}`, [data.content, data.metadata]);
    if (name === 'transcript') return this.#line.again && this.#line.text === data.text;
    return false;
  }

  forget() {
    this.#told.clear();
    this.#line = { text: null, again: false };
  }

  #again(key, said) {
    const fingerprint = JSON.stringify(said);
    if (this.#told.get(key) === fingerprint) return true;
    this.#told.delete(key);
    this.#told.set(key, fingerprint);
    if (this.#told.size > REMEMBERED) this.#told.delete(this.#told.keys().next().value);
    return false;
  }
}
