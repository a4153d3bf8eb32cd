/** The microphone of one call, and what goes wrong with microphones as TalkpathErrors. */
import { Emitter } from './emitter.js';
import { TalkpathError } from './errors.js';

/** DOMException names of getUserMedia (W3C Media Capture and Streams, 10.2) to error codes. */
const FAILURES = {
  NotAllowedError: 'microphone_denied',
  SecurityError: 'microphone_denied',
  NotFoundError: 'microphone_missing',
  OverconstrainedError: 'microphone_missing',
  NotReadableError: 'microphone_busy',
  AbortError: 'microphone_busy',
};

/**
 * Events: `stream` (the MediaStream that is used from now on), `lost` {label} (it was unplugged; the system's default
 * takes its place), `error` (there was none to take it).
 */
export class Microphone extends Emitter {
  #stream = null;
  #settings = {};
  #open = true;
  #closed = false;
  #attempt = 0;

  /** A MediaStream with one audio track; null before `use`. */
  get stream() {
    return this.#stream;
  }

  get isOpen() {
    return this.#open;
  }

  /**
   * Changes to another microphone; the one before goes on if this one cannot be opened.
   * @param settings as of `openMicrophone`
   */
  async use(settings) {
    const attempt = ++this.#attempt;
    const stream = await openMicrophone(settings);
    if (this.#closed || attempt !== this.#attempt) {
      stopTracks(stream);
      throw new TalkpathError('cancelled', 'nobody waits for this microphone any more');
    }
    stopTracks(this.#stream);
    this.#stream = stream;
    this.#settings = settings;
    this.setOpen(this.#open);
    const [track] = stream.getAudioTracks();
    track.onended = () => this.#lost(track.label);
    this.emit('stream', stream);
  }

  /** Whether it is heard. The device stays open, so opening it again takes no time. */
  setOpen(open) {
    this.#open = open;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = open;
  }

  close() {
    this.#closed = true;
    stopTracks(this.#stream);
  }

  async #lost(label) {
    this.emit('lost', { label });
    try {
      await this.use({ ...this.#settings, deviceId: '' });
    } catch (error) {
      if (error.code === 'cancelled') return;
      this.emit('error', new TalkpathError('microphone_lost', 'the microphone stopped', { cause: error }));
    }
  }
}

/**
 * Opens a microphone: a MediaStream with one audio track.
 * @param deviceId of `listDevices`; empty: the system's default
 * @param processing echo cancellation, noise suppression and gain control, all on or all off
 */
async function openMicrophone({ deviceId = '', processing = true } = {}) {
  requireMediaDevices();
  const audio = {
    echoCancellation: processing,
    noiseSuppression: processing,
    autoGainControl: processing,
    ...(deviceId && { deviceId: { exact: deviceId } }),
  };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new TalkpathError(FAILURES[error.name] ?? 'microphone_busy', error.message, { cause: error });
  }
  stream.getAudioTracks()[0].contentHint = 'speech';
  return stream;
}

export function requireMediaDevices() {
  if (globalThis.navigator?.mediaDevices) return;
  const code = globalThis.isSecureContext ? 'webrtc_unsupported' : 'insecure_origin';
  throw new TalkpathError(code, 'navigator.mediaDevices is missing');
}

function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
