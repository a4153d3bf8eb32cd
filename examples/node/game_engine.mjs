// What a game engine does for a character that listens and speaks: nothing but Socket.IO and PCM16.
//
//     npm install socket.io-client
//     node game_engine.mjs player.pcm character.pcm [URL]     # 24 kHz, mono
//
// A game takes the chunks from its microphone and gives the answer to its mixer; here both are files.
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const RATE = 24_000;
const CHUNK = (RATE / 10) * 2; // 100 ms of 16-bit samples
const FRAME = (RATE / 50) * 2;
const SILENCE = Buffer.alloc(CHUNK);
const PATIENCE = 2 * RATE * 2; // the player walks away from a longer answer

const [playerFile, characterFile, url = 'http://127.0.0.1:8000'] = process.argv.slice(2);
const player = await readFile(playerFile);
const character = io(url);

let queue = Buffer.alloc(0); // what the character has still to say
let voice = Buffer.alloc(0); // what it said
let answered = false;
let tired = false;

// At most 300 ms before it is to be played.
character.on('audio_response', (audio) => {
  queue = Buffer.concat([queue, Buffer.from(audio, 'base64')]);
});

// By the player's voice, or by `interrupt`.
character.on('audio_interrupted', ({ audioEndMs }) => {
  console.log(`(interrupted after ${audioEndMs} ms)`);
  queue = Buffer.alloc(0);
});

character.on('transcript', (text, role) => {
  console.log(`${role === 'user' ? 'player' : 'character'}: ${text}`);
  answered ||= role === 'assistant';
});

character.on('error', ({ message }) => console.error(`error: ${message}`));
character.on('connect_error', ({ message }) => console.error(`cannot connect: ${message}`));

// Plays 20 ms at a time, on a clock of its own.
async function mix() {
  for (let due = performance.now(); !answered; await sleep(Math.max(0, due - performance.now()))) {
    voice = Buffer.concat([voice, queue.subarray(0, FRAME)]);
    queue = queue.subarray(FRAME);
    if (voice.length >= PATIENCE && !tired) {
      tired = true;
      character.emit('interrupt');
    }
    due += 20;
  }
}

await new Promise((connected) => character.once('connect', connected));
const joined = await character.emitWithAck('join_session', { userId: 'player-1' });
if (!joined.ok) throw new Error(joined.error.message);
character.emit('mute', false); // hands-free: the gateway hears when the player is done
mix();

for (let start = 0, due = performance.now(); start < 60 * RATE * 2 && !answered; start += CHUNK) {
  const chunk = player.subarray(start, start + CHUNK);
  character.emit('send_audio', chunk.length ? chunk : SILENCE, 'pcm16'); // the microphone stays on
  due += 100;
  await sleep(Math.max(0, due - performance.now()));
}

await character.emitWithAck('disconnect_session');
character.disconnect();
await writeFile(characterFile, voice);
