/** Microphones and speakers of this browser, and what goes wrong with them as TalkpathErrors. */
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
 * Opens a microphone: a MediaStream with one audio track.
 * @param deviceId of `listDevices`; empty: the system's default
 * @param processing echo cancellation, noise suppression and gain control, all on or all off
 */
export async function openMicrophone({ deviceId = '', processing = true } = {}) {
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

/** `{microphones, speakers}`: arrays of `{deviceId, label}`. Labels are empty until a microphone was opened once. */
export async function listDevices() {
  requireMediaDevices();
  const devices = await navigator.mediaDevices.enumerateDevices();
  const ofKind = (kind) =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== '')
      .map(({ deviceId, label }) => ({ deviceId, label }));
  return { microphones: ofKind('audioinput'), speakers: ofKind('audiooutput') };
}

export function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function requireMediaDevices() {
  if (navigator.mediaDevices) return;
  const code = globalThis.isSecureContext ? 'webrtc_unsupported' : 'insecure_origin';
  throw new TalkpathError(code, 'navigator.mediaDevices is missing');
}
