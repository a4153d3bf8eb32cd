/** What of a call can be kept: its transcript and its audio. */
import { element } from './dom.js';
import { t } from './strings.js';

/** Long enough for a browser to begin reading the file. */
const FORGET_AFTER_MS = 60_000;

/** @param blob what the file holds */
export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), FORGET_AFTER_MS);
}

/** A file name that sorts by time. */
export function fileName(kind, extension) {
  return `talkpath-${kind}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.${extension}`;
}

/** The lines of a Transcript for people: who said what, and where it was cut. */
export function transcriptText(lines) {
  return `${lines.map(lineText).join('\n')}\n`;
}

function lineText(line) {
  const speaker = t(line.role === 'user' ? 'conversation.you' : 'conversation.agent');
  const time = line.timestamp ? `[${new Date(line.timestamp).toLocaleTimeString()}] ` : '';
  const said = line.unclear ? t('conversation.unclear') : line.text;
  const cut = line.interrupted ? ` (${t('conversation.interruptedUnknown')})` : '';
  return `${time}${speaker}: ${said}${cut}`;
}

/** The same for programs, as an array of the lines. */
export function transcriptJson(lines) {
  const kept = ({ id, role, type, text, interrupted, audioEndMs, timestamp }) => ({
    id,
    role,
    type,
    text,
    interrupted,
    audioEndMs,
    timestamp,
  });
  return `${JSON.stringify(lines.map(kept), null, 2)}\n`;
}
