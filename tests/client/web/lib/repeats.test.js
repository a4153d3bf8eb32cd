import { expect, it } from 'vitest';
import { Repeats } from '../../../../client/web/lib/repeats.js';

const line = (id, content, data) => [
  ['message', { id, content, data }],
  ['transcript', { text: content, role: 'assistant' }],
  ['agent_response', { id, content, metadata: data ?? {} }],
];

const passed = (repeats, events) => events.filter(([name, data]) => !repeats.seen(name, data));

it('passes each line once, with all its events', () => {
  const repeats = new Repeats();
  const first = [...line('a', 'Hello.'), ...line('b', 'Hello.')];
  expect(passed(repeats, first)).toEqual(first);
  expect(passed(repeats, first)).toEqual([]);
});

it('passes a line that was cut since', () => {
  const repeats = new Repeats();
  passed(repeats, line('a', 'Once upon a time'));
  const cut = line('a', 'Once upon', { interrupted: true, audioEndMs: 900 });
  expect(passed(repeats, cut)).toEqual(cut);
  const same = line('a', 'Once upon', { interrupted: true, audioEndMs: 950 });
  expect(passed(repeats, same)).toEqual(same);
});

it('lets everything else pass, and forgets', () => {
  const repeats = new Repeats();
  const delta = ['transcript_delta', { itemId: 'a', delta: 'x' }];
  expect(passed(repeats, [delta, delta])).toEqual([delta, delta]);
  passed(repeats, line('a', 'Hello.'));
  repeats.forget();
  expect(passed(repeats, line('a', 'Hello.'))).toHaveLength(3);
});

it('remembers more lines than a gateway tells again, and no more', () => {
  const repeats = new Repeats();
  for (let n = 0; n < 1_000; n++) repeats.seen('message', { id: `${n}`, content: '' });
  expect(repeats.seen('message', { id: '900', content: '' })).toBe(true);
  expect(repeats.seen('message', { id: '100', content: '' })).toBe(false);
});
