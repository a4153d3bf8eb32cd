/** The jitter buffer of a PCM call: what is heard of a voice that comes in unevenly. */
import { describe, expect, it } from 'vitest';
import { JitterBuffer } from '../../../../client/web/lib/worklets/player.js';

const RATE = 24_000;
const QUANTUM = 128;
const LEVEL = 16_384;

const ms = (milliseconds) => (milliseconds * RATE) / 1000;
const voice = (milliseconds, level = LEVEL) => new Int16Array(ms(milliseconds)).fill(level);

/** Pulls that long; what was heard. */
function play(buffer, milliseconds) {
  const heard = [];
  for (let pulled = 0; pulled < ms(milliseconds); pulled += QUANTUM) {
    const out = new Float32Array(QUANTUM).fill(NaN);
    buffer.pull(out);
    heard.push(...out);
  }
  return heard;
}

/** A network that delivers as much as is played, for that long. */
function steady(buffer, milliseconds) {
  for (let played = 0; played < ms(milliseconds); played += 4 * QUANTUM) {
    buffer.push(new Int16Array(4 * QUANTUM).fill(LEVEL));
    for (let i = 0; i < 4; i++) buffer.pull(new Float32Array(QUANTUM));
  }
}

const loud = (heard) => heard.filter((sample) => sample > 0.45).length / ms(1);
const steepest = (heard) => Math.max(...heard.slice(1).map((sample, i) => Math.abs(sample - heard[i])));

describe('JitterBuffer', () => {
  it('waits for 60 ms, then plays every sample once', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(40));
    expect(loud(play(buffer, 30))).toBe(0);
    buffer.push(voice(20));
    expect(buffer.depthMs).toBe(60);
    const heard = play(buffer, 200);
    expect(loud(heard)).toBeGreaterThan(49);
    expect(loud(heard)).toBeLessThan(60);
    expect(buffer.state).toBe('idle');
    expect(buffer.underruns).toBe(0);
  });

  it('does not wait for more than there is', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(20));
    expect(loud(play(buffer, 100))).toBeGreaterThan(9);
  });

  it('fades where the voice breaks off and where it begins again: no click', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(100));
    const heard = play(buffer, 150);
    buffer.push(voice(200));
    heard.push(...play(buffer, 300));
    expect(buffer.underruns).toBe(1);
    expect(steepest(heard)).toBeLessThan(0.01);
  });

  it('holds more back after the network let it run dry, and less again after calm', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(60));
    play(buffer, 160);
    buffer.push(voice(20));
    expect(buffer.underruns).toBe(1);
    expect(buffer.targetMs).toBeGreaterThan(140);
    expect(buffer.targetMs).toBeLessThanOrEqual(200);
    buffer.push(voice(280));
    steady(buffer, 45_000);
    expect(buffer.underruns).toBe(1);
    expect(buffer.targetMs).toBe(60);
  });

  it('takes a long pause for the end of what was said', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(60));
    play(buffer, 700);
    buffer.push(voice(60));
    expect(buffer.underruns).toBe(0);
    expect(buffer.targetMs).toBe(60);
  });

  it('falls silent within 5 ms when the answer is cut, and plays the next one', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(300));
    play(buffer, 100);
    buffer.flush();
    const heard = play(buffer, 50);
    expect(loud(heard)).toBeLessThan(5);
    expect(steepest(heard)).toBeLessThan(0.01);
    buffer.push(voice(100));
    expect(loud(play(buffer, 150))).toBeGreaterThan(80);
    expect(buffer.underruns).toBe(0);
  });

  it('forgets at a cut what it has not begun to play', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(40));
    buffer.flush();
    expect(buffer.state).toBe('idle');
    expect(loud(play(buffer, 100))).toBe(0);
  });

  it('makes up for a stall in the pauses of the voice, not in the voice', () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(voice(800));
    buffer.push(voice(400, 0));
    buffer.push(voice(100));
    const heard = play(buffer, 1_200);
    expect(loud(heard)).toBeGreaterThan(880);
    const spoken = heard.findLastIndex((sample) => sample > 0.45) / ms(1);
    expect(spoken).toBeLessThan(1_250);
    buffer.push(voice(500, 0));
    play(buffer, 6);
    expect(buffer.depthMs).toBeLessThan(450);
  });

  it('keeps no more than 10 s, and of those the newest', () => {
    const buffer = new JitterBuffer(RATE);
    for (let second = 0; second < 15; second++) buffer.push(voice(1_000, second * 1_000));
    expect(buffer.depthMs).toBe(10_000);
    expect(play(buffer, 20).at(-1)).toBeCloseTo(5_000 / 32_768, 3);
    buffer.push(voice(25_000, 77));
    expect(buffer.depthMs).toBe(10_000);
    expect(play(buffer, 20).at(-1)).toBeCloseTo(77 / 32_768, 6);
  });
});
