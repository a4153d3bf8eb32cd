/** A recording as `send_audio` takes it. */
import { TalkpathError } from './errors.js';

/** Names of formats for media types (the part before `;codecs=`) that do not name them by themselves. */
const NAMES = {
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/x-m4a': 'm4a',
  'video/webm': 'webm',
};

/**
 * `[bytes, format]`.
 * @param recording Blob, ArrayBuffer or view of one
 * @param format `pcm16`, `wav`, `webm`, `ogg`, ...; without it a Blob's type says
 */
export async function asUpload(recording, format) {
  const isBlob = typeof Blob !== 'undefined' && recording instanceof Blob;
  const named = format ?? (isBlob ? formatOf(recording.type) : undefined);
  if (!named) throw new TalkpathError('unsupported_format', 'name the format of these bytes');
  return [isBlob ? await recording.arrayBuffer() : recording, named];
}

function formatOf(type) {
  const [essence] = type.toLowerCase().split(';');
  return NAMES[essence] ?? essence.split('/')[1];
}
