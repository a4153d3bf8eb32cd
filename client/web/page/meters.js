/** The two lanes between caller and agent: how loud each side is. */

/** What a lane shows from end to end; conversational speech lies between -40 and -15 dBFS. */
const FLOOR_DBFS = -60;
const CEILING_DBFS = -10;
/** How fast a lane falls after a syllable, in lane lengths a second. */
const FALL_PER_S = 1.6;
const ANNOUNCE_EVERY_MS = 500;

export class Meters {
  #lanes;
  #read;
  #shown;
  #frame = null;
  #drawnAt = 0;
  #announcedAt = 0;

  /** @param lanes `{microphone, agent}` elements; @param read `() -> {microphone, agent}` in dBFS */
  constructor(lanes, read) {
    this.#lanes = lanes;
    this.#read = read;
    this.#shown = { microphone: 0, agent: 0 };
  }

  start() {
    this.#frame ??= requestAnimationFrame((now) => this.#draw(now));
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    for (const way of Object.keys(this.#lanes)) this.#show(way, 0);
  }

  #draw(now) {
    const levels = this.#read();
    const fallen = (FALL_PER_S * Math.min(now - this.#drawnAt, 100)) / 1000;
    for (const way of Object.keys(this.#lanes)) {
      const level = Math.min(1, Math.max(0, (levels[way] - FLOOR_DBFS) / (CEILING_DBFS - FLOOR_DBFS)));
      this.#show(way, Math.max(level, this.#shown[way] - fallen));
    }
    if (now - this.#announcedAt > ANNOUNCE_EVERY_MS) this.#announce(levels, now);
    this.#drawnAt = now;
    this.#frame = requestAnimationFrame((next) => this.#draw(next));
  }

  #show(way, level) {
    this.#shown[way] = level;
    this.#lanes[way].style.setProperty('--level', level.toFixed(3));
  }

  #announce(levels, now) {
    this.#announcedAt = now;
    for (const [way, lane] of Object.entries(this.#lanes)) {
      const value = Math.round(Math.min(0, Math.max(FLOOR_DBFS, levels[way])));
      lane.setAttribute('aria-valuenow', String(value));
      lane.setAttribute('aria-valuetext', `${value} dB`);
    }
  }
}
