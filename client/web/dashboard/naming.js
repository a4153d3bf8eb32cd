/** What a call is called on the page. */
import { has, t } from '../page/strings.js';

const known = (key, otherwise) => (has(key) ? t(key) : otherwise);

export const nameOf = (call) => call.userId || call.id;

export const doorOf = (call) => known(`dashboard.doors.${call.door}`, call.door);

export const codecOf = (call) => (call.codec ? known(`dashboard.codecs.${call.codec}`, call.codec) : null);

/** By which way it came, who answers, and how it sounds. */
export const about = (call) => [doorOf(call), call.agentSet, codecOf(call)].filter(Boolean).join(' · ');

/** Who speaks now: a key of `dashboard.phase`. */
export function phaseOf({ status, media, callerSpeaks, agentSpeaks }) {
  if (status === 'CONNECTING') return 'connecting';
  if (media === 'connecting' || media === 'new') return 'calling';
  if (media === 'disconnected') return 'lost';
  if (callerSpeaks && agentSpeaks) return 'both';
  if (callerSpeaks) return 'caller';
  return agentSpeaks ? 'agent' : 'quiet';
}
