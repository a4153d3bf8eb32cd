/** Which codec a WebRTC call speaks: Opus, or what phones have. */
import { TalkpathError } from './errors.js';

/** By encoding names of RFC 3551 and RFC 7587. */
export const CODECS = ['opus', 'G722', 'PCMU', 'PCMA'];

/** Rejects a name that is none of `CODECS`. */
export function checkCodec(name) {
  if (!CODECS.includes(name)) throw new TalkpathError('bad_codec', `${name} is none of ${CODECS.join(', ')}`);
}

/**
 * Makes `transceiver` offer nothing but `name` from its next offer on, so that no other codec can be agreed upon.
 * null: all that the browser has.
 */
export function offerCodec(transceiver, name) {
  if (!transceiver.setCodecPreferences) {
    if (name === null) return;
    throw new TalkpathError('bad_codec', 'this browser does not let pages choose');
  }
  const offered = name === null ? [] : capabilities().filter(({ mimeType }) => isOf(mimeType, name));
  if (name !== null && !offered.length) throw new TalkpathError('bad_codec', `this browser has no ${name}`);
  transceiver.setCodecPreferences(offered);
}

/** The codec that an answer agreed on, one of `CODECS`; null: none of them. */
export function answeredCodec(sdp) {
  const formats = sdp.match(/^m=audio.*$/m)?.[0].split(' ').slice(3) ?? [];
  const names = new Map([...sdp.matchAll(/^a=rtpmap:(\d+) ([^/\s]+)/gm)].map(([, type, name]) => [type, name]));
  const agreed = formats.map((type) => names.get(type)?.toLowerCase());
  return CODECS.find((name) => agreed.includes(name.toLowerCase())) ?? null;
}

function capabilities() {
  return RTCRtpReceiver.getCapabilities('audio').codecs;
}

function isOf(mimeType, name) {
  return mimeType.toLowerCase() === `audio/${name.toLowerCase()}`;
}
