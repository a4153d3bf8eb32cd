import { beforeAll, describe, expect, it } from 'vitest';
import { drawable, replyMs, toneOf, wordsOf } from '../../../../client/web/dashboard/entries.js';
import * as en from '../../../../client/web/dashboard/strings_en.js';
import * as ko from '../../../../client/web/dashboard/strings_ko.js';
import { addTexts, useLanguage } from '../../../../client/web/page/strings.js';

beforeAll(() => addTexts({ en, ko }));

const answer = { kind: 'agent', atMs: 3_000, ms: 2_000, modelMs: 100, firstDeltaMs: 300, firstPacketMs: 0 };

describe('what is drawn', () => {
  it('has what goes on until now', () => {
    const { voices } = drawable([{ kind: 'caller', atMs: 1_000, ms: 900 }, { ...answer, ms: null }], 4_000);
    expect(voices.map(({ side, from, to }) => [side, from, to])).toEqual([
      ['caller', 1_000, 1_900],
      ['agent', 3_000, 4_000],
    ]);
  });

  it('has the stages of a wait, which end where the answer begins', () => {
    const { waits } = drawable([answer], 9_000);
    expect(waits.map(({ stage, from, to }) => [stage, from, to])).toEqual([
      ['firstDeltaMs', 2_700, 3_000],
      ['modelMs', 2_600, 2_700],
    ]);
    expect(replyMs(answer)).toBe(400);
  });

  it('has tools that ended, and those that are still at work', () => {
    const tool = (kind, atMs, name, more) => ({ kind, atMs, agent: 'a', tool: name, ...more });
    const { work } = drawable(
      [
        tool('tool_start', 1_000, 'x'),
        { kind: 'lookup_start', atMs: 1_100, agent: 'a', tool: 'x', lookup: 'orders' },
        { kind: 'lookup_end', atMs: 1_400, agent: 'a', tool: 'x', lookup: 'orders', ms: 300, ok: true },
        tool('tool_end', 1_700, 'x', { ms: 700, ok: false }),
        tool('tool_start', 2_000, 'y'),
      ],
      2_500,
    );
    expect(work.map(({ from, to, ok }) => [from, to, ok])).toEqual([
      [1_100, 1_400, true],
      [1_000, 1_700, false],
      [2_000, 2_500, true],
    ]);
  });
});

describe('in words', () => {
  it('says what happened, also of what it never heard of', () => {
    expect(wordsOf(answer)).toBe('Agent · 2.0 s · reply in 400 ms');
    expect(wordsOf({ ...answer, ms: null, cut: true })).toBe('Agent · now · reply in 400 ms · interrupted');
    expect(wordsOf({ kind: 'tool_end', atMs: 1, tool: 'orders', ms: 12, ok: false })).toBe('orders · 12 ms · failed');
    expect(wordsOf({ kind: 'lookup_start', atMs: 1, tool: 'ask', lookup: 'orders' })).toBe('Supervisor looks up orders');
    expect(wordsOf({ kind: 'handoff', atMs: 1, from: 'a', to: 'b' })).toBe('Handed from a to b');
    expect(wordsOf({ kind: 'status', atMs: 1, status: 'DISCONNECTED', reason: 'the client left' })).toBe(
      'Model gone · the client left',
    );
    expect(wordsOf({ kind: 'my_note', atMs: 1, tool: 'orders', agent: 'a' })).toBe('my_note · orders · a');
  });

  it('does so in Korean', () => {
    useLanguage('ko');
    expect(wordsOf(answer)).toBe('상담원 · 2.0초 · 400ms 만에 응답');
    expect(wordsOf({ kind: 'status', atMs: 1, status: 'DISCONNECTED', reason: 'the client left' })).toContain('사용자가 나갔습니다');
    useLanguage('en');
  });
});

it('colours what is grave', () => {
  expect(toneOf({ kind: 'error' })).toBe('bad');
  expect(toneOf({ kind: 'tool_end', ok: false })).toBe('bad');
  expect(toneOf({ kind: 'guardrail' })).toBe('warn');
  expect(toneOf({ kind: 'leg', state: 'connected' })).toBe('soft');
});

it('has the same words in both languages', () => {
  const keys = (table, above = '') =>
    Object.entries(table).flatMap(([name, value]) => (typeof value === 'string' ? [above + name] : keys(value, `${above}${name}.`)));
  expect(keys(ko.text)).toEqual(keys(en.text));
  expect(Object.keys(ko.problems)).toEqual(Object.keys(en.problems));
});
