/**
 * The conversation as lines in conversation order, whatever order its events arrive in. No DOM.
 *
 * A line: `{id, role, kind, type, text, live, final, interrupted, audioEndMs, unclear, timestamp}`; `kind` is 'speech'
 * or 'notice', `type` that of the final message, `live` while it is being spoken, `final` once the gateway's message replaced what the deltas built.
 */

/** About an hour of lively talk; older lines go. */
const MAX_LINES = 1_000;

export class Transcript {
  #lines = new Map();
  #order = [];
  #changed;

  /** @param changed called after every change */
  constructor(changed) {
    this.#changed = changed;
  }

  /** The lines to show, in conversation order. */
  get lines() {
    return this.#order.map((id) => this.#lines.get(id)).filter(isShown);
  }

  clear() {
    this.#lines.clear();
    this.#order = [];
    this.#changed();
  }

  /** Feeds a Realtime GA event: places items before any of their text is known. */
  observe(event) {
    switch (event.type) {
      case 'input_audio_buffer.committed':
        this.#place(event.item_id, event.previous_item_id, 'user');
        break;
      case 'conversation.item.added':
      case 'conversation.item.created':
        this.#place(event.item?.id, event.previous_item_id, speakerOf(event.item));
        break;
      case 'conversation.item.deleted':
        this.#remove(event.item_id);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this.#recognised(event.item_id, event.transcript?.trim() ?? '');
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#recognised(event.item_id, '');
        break;
      case 'response.done':
        this.#settle(event.response?.status);
        break;
      default:
        return;
    }
    this.#changed();
  }

  /** Feeds `transcript_delta`. What comes after a cut or after the final text was never heard. */
  delta({ itemId, role, delta }) {
    const line = this.#line(itemId, role);
    if (line.final || line.interrupted) return;
    line.live = true;
    line.text += delta;
    this.#changed();
  }

  /** Feeds `audio_interrupted`. The final text, cut to what was heard, follows as a message. */
  interrupted({ itemId, audioEndMs }) {
    const line = this.#lines.get(itemId);
    if (!line) return;
    Object.assign(line, { live: false, interrupted: true, audioEndMs });
    if (audioEndMs === 0) line.text = '';
    this.#changed();
  }

  /** Feeds `message`: the final text replaces whatever the deltas built. */
  message({ id, type, role, content, data, timestamp }) {
    const line = this.#line(id, role);
    const kind = type === 'system' ? 'notice' : 'speech';
    Object.assign(line, { kind, type, text: content, timestamp, live: false, final: true, unclear: false });
    if (data?.interrupted === true) {
      line.interrupted = true;
      line.audioEndMs = data.audioEndMs ?? line.audioEndMs;
    }
    this.#changed();
  }

  #line(id, role) {
    let line = this.#lines.get(id);
    if (!line) {
      line = { id, role, kind: 'speech', type: null, text: '', live: false, final: false };
      Object.assign(line, { interrupted: false, audioEndMs: null, unclear: false, placed: false });
      this.#lines.set(id, line);
      this.#order.push(id);
      if (this.#order.length > MAX_LINES) this.#lines.delete(this.#order.shift());
    }
    line.role ??= role;
    return line;
  }

  #place(id, previousId, role) {
    if (!id) return;
    const line = this.#line(id, role);
    if (line.placed) return;
    line.placed = true;
    line.live ||= !line.final && role !== null;
    // No previous item, or one that is not known here: it stays where it came in.
    if (!this.#lines.has(previousId)) return;
    this.#order.splice(this.#order.indexOf(id), 1);
    this.#order.splice(this.#order.indexOf(previousId) + 1, 0, id);
  }

  #remove(id) {
    if (this.#lines.delete(id)) this.#order.splice(this.#order.indexOf(id), 1);
  }

  /** What the caller said is known; nothing at all, if it was not understood. */
  #recognised(id, text) {
    const line = this.#lines.get(id);
    if (line && !line.final) Object.assign(line, { text, live: false, unclear: text === '' });
  }

  /** A finished response leaves no empty answer waiting for words; of a cancelled one nothing more was heard. */
  #settle(status) {
    for (const line of this.#lines.values()) {
      if (line.role !== 'assistant' || !line.live) continue;
      if (status === 'cancelled') line.text = '';
      if (line.text === '') line.live = false;
    }
  }
}

/** The role that speaks an item, or null for function calls and the like, which only keep their place. */
function speakerOf(item) {
  return item?.type === 'message' && item.role !== 'system' ? item.role : null;
}

function isShown(line) {
  if (line.role === null) return false;
  return line.text !== '' || line.live || line.unclear;
}
