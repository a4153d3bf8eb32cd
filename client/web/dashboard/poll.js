/** Asks again and again, while somebody looks at the page. */

const MOST_PATIENCE_MS = 15_000;

export class Poll {
  #everyMs;
  #ask;
  #failed;
  #timer = null;
  #running = false;
  #asking = false;
  #again = false;
  #failures = 0;

  /**
   * @param ask `async () => …`: one question and what follows from its answer
   * @param failed `(error) => …`: it threw; it is asked again, less and less often
   */
  constructor(everyMs, ask, failed = () => {}) {
    this.#everyMs = everyMs;
    this.#ask = ask;
    this.#failed = failed;
    document.addEventListener('visibilitychange', () => this.#look());
  }

  start() {
    this.#running = true;
    this.#failures = 0;
    this.#look();
  }

  /** Starts, unless it runs. */
  resume() {
    if (!this.#running) this.start();
  }

  stop() {
    this.#running = false;
    this.#look();
  }

  /** Asks at once, or once more as soon as the question under way is answered. */
  now() {
    this.#again = this.#asking;
    this.#look();
  }

  #look() {
    clearTimeout(this.#timer);
    if (this.#running && !document.hidden && !this.#asking) this.#turn();
  }

  async #turn() {
    const began = performance.now();
    this.#asking = true;
    try {
      await this.#ask();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#failed(error);
    }
    this.#asking = false;
    if (!this.#running || document.hidden) return;
    if (this.#again) {
      this.#again = false;
      this.#look();
      return;
    }
    const pause = Math.min(this.#everyMs * 2 ** Math.min(this.#failures, 8), MOST_PATIENCE_MS + this.#everyMs);
    const wait = Math.max(0, pause - (performance.now() - began));
    this.#timer = setTimeout(() => this.#look(), wait);
  }
}
