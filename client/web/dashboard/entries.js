/** The time line of a call as the gateway tells it, in words and as what is drawn of it. Times are in ms since its start. */
import { has, reasonText, t } from '../page/strings.js';
import { milliseconds, money, seconds } from './format.js';

/** Stages of an answer, in order, by the fields that tell how long they took. */
export const STAGES = ['modelMs', 'firstDeltaMs', 'firstPacketMs'];

const MARKS = new Set(['handoff', 'error', 'guardrail', 'guardrail_away', 'hang_up', 'cost_warning', 'cost_limit', 'leg', 'status']);
/** Of these every one is the end of what began before it. */
const WORK = { tool_end: 'tool_start', lookup_end: 'lookup_start' };

/**
 * What a time line draws: `voices` (`{side, from, to, cut, entry}`), `waits` (`{stage, from, to, entry}`), `work`
 * (`{from, to, ok, entry}`: tools), `marks` (`{at, entry}`). What goes on ends `now`.
 */
export function drawable(entries, now) {
  const found = { voices: [], waits: [], work: [], marks: [] };
  const begun = new Map();
  for (const entry of entries) {
    const { kind, atMs, ms } = entry;
    if (kind === 'caller' || kind === 'agent') {
      found.voices.push({ side: kind, from: atMs, to: ms === null ? now : atMs + ms, cut: entry.cut === true, entry });
      if (kind === 'agent') found.waits.push(...waitsOf(entry));
    } else if (kind in WORK) {
      begun.delete(workName(entry));
      found.work.push({ from: atMs - (ms ?? 0), to: atMs, ok: entry.ok !== false, entry });
    } else if (Object.values(WORK).includes(kind)) begun.set(workName(entry), entry);
    else if (MARKS.has(kind)) found.marks.push({ at: atMs, entry });
  }
  for (const entry of begun.values()) found.work.push({ from: entry.atMs, to: now, ok: true, entry });
  return found;
}

function waitsOf(entry) {
  let to = entry.atMs;
  const waits = [];
  for (const stage of STAGES.toReversed()) {
    if (!(entry[stage] > 0)) continue;
    waits.push({ stage, from: to - entry[stage], to, entry });
    to -= entry[stage];
  }
  return waits;
}

const workName = ({ tool, lookup, agent }) => lookup ?? `${agent}/${tool}`;

/** From the end of the caller's turn to the first packet of an answer. */
export const replyMs = (entry) => STAGES.reduce((sum, stage) => sum + (entry[stage] ?? 0), 0);

/** How grave an entry is: it colours its mark. */
export function toneOf({ kind, ok, state }) {
  if (kind === 'error' || kind === 'cost_limit' || ok === false || state === 'failed') return 'bad';
  if (kind.startsWith('guardrail') || kind === 'cost_warning' || state === 'disconnected') return 'warn';
  if (kind === 'handoff' || kind === 'hang_up') return 'agent';
  return 'soft';
}

/** One line of text. */
export function wordsOf(entry) {
  const key = `dashboard.entries.${entry.kind}`;
  if (!has(key)) return [entry.kind, entry.tool, entry.agent].filter(Boolean).join(' · ');
  const text = t(key, valuesOf(entry));
  return [text, ...notesOf(entry)].filter(Boolean).join(' · ');
}

function valuesOf(entry) {
  const status = has(`dashboard.status.${entry.status}`) ? t(`dashboard.status.${entry.status}`) : entry.status;
  const state = has(`dashboard.media.${entry.state}`) ? t(`dashboard.media.${entry.state}`) : entry.state;
  const { tool, lookup, from, to, category, code } = entry;
  return { tool: lookup ?? tool ?? '', agent: entry.agent ?? '', from, to, category: category ?? '', code, status, state, cost: money(entry.costUsd) };
}

function notesOf(entry) {
  const { kind, ms, cut, ok, reason } = entry;
  const notes = [];
  if (kind === 'caller' || kind === 'agent') notes.push(ms === null ? t('dashboard.entries.now') : seconds(ms));
  else if (kind in WORK) notes.push(milliseconds(ms));
  if (kind === 'agent' && STAGES[0] in entry) notes.push(t('dashboard.entries.reply', { ms: milliseconds(replyMs(entry)) }));
  if (cut === true && kind === 'agent') notes.push(t('dashboard.entries.cut'));
  if (ok === false) notes.push(t('dashboard.entries.failed'));
  if (reason) notes.push(reasonText(reason));
  return notes;
}
