/** The microphone's way to PCM16: rates and chunks. */
import { describe, expect, it } from 'vitest';
import { Chunks, Resampler } from '../../../../client/web/lib/worklets/capture.js';

const TO = 24_000;

function tone(hertz, rate, seconds = 0.5) {
  return Float32Array.from({ length: rate * seconds }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hertz * n) / rate));
}

/** In the blocks of an AudioWorklet. */
function converted(samples, from) {
  const resampler = new Resampler(from, TO);
  const out = [];
  for (let at = 0; at < samples.length; at += 128) out.push(...resampler.process(samples.subarray(at, at + 128)));
  return out;
}

/** What is left beside the tone of that frequency, in dB below it. */
function distortion(samples, hertz) {
  const settled = samples.slice(2_000, 2_000 + 9_600);
  let [sine, cosine] = [0, 0];
  settled.forEach((sample, n) => {
    sine += sample * Math.sin((2 * Math.PI * hertz * n) / TO);
    cosine += sample * Math.cos((2 * Math.PI * hertz * n) / TO);
  });
  const amplitude = (2 * Math.hypot(sine, cosine)) / settled.length;
  const total = settled.reduce((sum, sample) => sum + sample * sample, 0) / settled.length;
  return { amplitude, below: 10 * Math.log10(amplitude ** 2 / 2 / Math.max(1e-12, total - amplitude ** 2 / 2)) };
}

describe('Resampler', () => {
  it.each([44_100, 48_000, 96_000, 16_000, 24_000])('keeps a voice from %i Hz as it is', (from) => {
    const out = converted(tone(1_000, from), from);
    expect(Math.abs(out.length - TO / 2)).toBeLessThan(120);
    const { amplitude, below } = distortion(out, 1_000);
    expect(amplitude).toBeCloseTo(0.5, 2);
    expect(below).toBeGreaterThan(60);
  });

  it.each([44_100, 48_000])('lets nothing of 15 kHz from %i Hz fold into the voice', (from) => {
    const out = converted(tone(15_000, from), from).slice(500);
    expect(Math.max(...out.map(Math.abs))).toBeLessThan(0.5 * 10 ** (-50 / 20));
  });

  it('makes the same of blocks of any length', () => {
    const samples = tone(1_000, 44_100, 0.1);
    const whole = new Resampler(44_100, TO).process(samples);
    const parts = converted(samples, 44_100);
    expect(parts).toEqual(whole);
  });
});

describe('Chunks', () => {
  it('are complete, in order and clipped', () => {
    const chunks = new Chunks(4);
    expect(chunks.add([0, 0.5, -2])).toEqual([]);
    const [first, second] = chunks.add([2, 0.25, 0, 0, 0, 1]);
    expect([...first]).toEqual([0, 16_383, -32_767, 32_767]);
    expect([...second]).toEqual([8_191, 0, 0, 0]);
  });
});
