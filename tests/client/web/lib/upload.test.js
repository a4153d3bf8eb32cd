import { expect, it } from 'vitest';
import { asUpload } from '../../../../client/web/lib/upload.js';

const BYTES = Uint8Array.of(1, 2, 3);

it.each([
  ['audio/webm;codecs=opus', 'webm'],
  ['audio/ogg', 'ogg'],
  ['audio/x-wav', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['Audio/MP4', 'm4a'],
])('knows the format of a recording of type %s', async (type, format) => {
  const [bytes, named] = await asUpload(new Blob([BYTES], { type }));
  expect(new Uint8Array(bytes)).toEqual(BYTES);
  expect(named).toBe(format);
});

it('believes the format that is named', async () => {
  expect(await asUpload(BYTES.buffer, 'pcm16')).toEqual([BYTES.buffer, 'pcm16']);
  expect((await asUpload(new Blob([BYTES], { type: 'audio/wav' }), 'ogg'))[1]).toBe('ogg');
});

it('does not guess what bytes are', async () => {
  await expect(asUpload(BYTES)).rejects.toMatchObject({ code: 'unsupported_format' });
  await expect(asUpload(new Blob([BYTES]))).rejects.toMatchObject({ code: 'unsupported_format' });
});
