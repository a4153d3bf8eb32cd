/** What is said while the connection is lost is not lost, and keeps its order. */
import { describe, expect, it } from 'vitest';
import { TalkpathError } from '../../../../client/web/lib/errors.js';
import { Uplink } from '../../../../client/web/lib/uplink.js';

class Line {
  sent = [];
  up = true;
  #waiting = [];

  request = (...event) => {
    if (!this.up) return Promise.reject(new TalkpathError('not_connected', 'no session'));
    this.sent.push(event[0] === 'send_audio' ? event[1] : event[0]);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  };

  acknowledge(count) {
    for (const { resolve } of this.#waiting.splice(0, count)) resolve({ ok: true });
  }

  refuse(code) {
    this.#waiting.shift().reject(new TalkpathError(code, 'no'));
  }

  drop() {
    this.up = false;
    for (const { reject } of this.#waiting.splice(0)) reject(new TalkpathError('connection_lost', 'gone'));
  }

  restore() {
    this.up = true;
    this.sent = [];
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const made = (chunkMs = 40) => {
  const line = new Line();
  return { line, uplink: new Uplink({ request: line.request, chunkMs }) };
};

describe('Uplink', () => {
  it('sends chunks at once and forgets what is acknowledged', async () => {
    const { line, uplink } = made();
    uplink.push('a');
    uplink.push('b');
    expect(line.sent).toEqual(['a', 'b']);
    expect(uplink.waitingMs).toBe(80);
    line.acknowledge(2);
    await settled();
    expect(uplink.waitingMs).toBe(0);
  });

  it('sends again what a lost connection may have swallowed, before what was said since', async () => {
    const { line, uplink } = made();
    uplink.push('heard');
    line.acknowledge(1);
    uplink.push('in flight');
    await settled();
    line.drop();
    await settled();
    uplink.push('said meanwhile');
    const turn = uplink.request('commit_audio');
    expect(line.sent).toEqual(['heard', 'in flight']);
    line.restore();
    uplink.resume();
    expect(line.sent).toEqual(['in flight', 'said meanwhile', 'commit_audio']);
    line.acknowledge(3);
    expect(await turn).toEqual({ ok: true });
    expect(uplink.waitingMs).toBe(0);
  });

  it('does not send again what the gateway refused', async () => {
    const { line, uplink } = made();
    uplink.push('too much');
    const turn = uplink.request('commit_audio');
    line.refuse('too_large');
    line.refuse('no_session');
    await expect(turn).rejects.toMatchObject({ code: 'no_session' });
    line.restore();
    uplink.resume();
    expect(line.sent).toEqual([]);
  });

  it('keeps 30 s, and of those the newest', async () => {
    const { line, uplink } = made(10_000);
    line.drop();
    for (const chunk of ['a', 'b', 'c', 'd']) {
      uplink.push(chunk);
      await settled();
    }
    line.restore();
    uplink.resume();
    expect(line.sent).toEqual(['b', 'c', 'd']);
  });

  it('gives up what waits when the call ends', async () => {
    const { line, uplink } = made();
    const turn = uplink.request('commit_audio');
    uplink.close();
    await expect(turn).rejects.toMatchObject({ code: 'cancelled' });
    line.drop();
    await settled();
    uplink.resume();
    expect(uplink.waitingMs).toBe(0);
  });
});
