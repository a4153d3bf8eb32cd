/** Compiled, never run: the declarations say what the library's users may rely on. */
import { useBridgeAudio, useBridgeLevels, useBridgeSession, type BridgeMessage } from '@talkpath/client/react';
import { CODECS, Talkpath, TalkpathError, Transcript, listDevices, watchDevices } from '@talkpath/client';

export async function call(talkpath: Talkpath): Promise<string> {
  const stop = talkpath.on('message', ({ id, role, content, data }) => {
    const cut: number | undefined = data?.audioEndMs;
    console.log(id, role === 'user', content.length, cut);
  });
  talkpath.on('call_stats', ({ rttMs }) => console.log(rttMs ?? 0));
  talkpath.on('microphone_lost', ({ label }) => console.log(label));
  // @ts-expect-error there is no such event
  talkpath.on('mesage', () => {});
  const { sessionId } = await talkpath.connect({ url: 'http://127.0.0.1:8000', voice: 'marin' });
  await talkpath.setCodec(CODECS[0] ?? null);
  // @ts-expect-error no codec of a phone
  await talkpath.setCodec('G729');
  await talkpath.startCall({ transport: 'pcm', pcmRate: 16_000, processing: false });
  const { durationMs } = await talkpath.sendAudio(new Blob([]), 'wav');
  console.log(durationMs, talkpath.playout?.depthMs, talkpath.levels.agent);
  stop();
  return sessionId;
}

export function explain(error: unknown): string {
  return error instanceof TalkpathError && error.code === 'microphone_denied' ? 'allow it' : 'no idea';
}

export async function devices(): Promise<() => void> {
  const { microphones } = await listDevices();
  console.log(microphones.map(({ deviceId, label }) => `${deviceId} ${label}`));
  return watchDevices(({ speakers }) => console.log(speakers.length));
}

export function conversation(talkpath: Talkpath): Transcript {
  const transcript = new Transcript(() => console.log(transcript.lines[0]?.text));
  talkpath.on('message', (message) => transcript.message(message));
  return transcript;
}

function Line({ message }: { message: BridgeMessage }) {
  return <li>{message.interrupted ? `${message.content} -` : message.content}</li>;
}

function Meter({ session }: { session: { client: Talkpath } }) {
  const { micLevel, agentLevel } = useBridgeLevels(session);
  return <meter value={Math.max(micLevel, agentLevel)} />;
}

export function Page() {
  const session = useBridgeSession({ url: 'http://127.0.0.1:8000', userId: 'ann' });
  const audio = useBridgeAudio(session, { mode: 'pcm', levels: false });
  // @ts-expect-error the modes are webrtc and pcm
  useBridgeAudio(session, { mode: 'opus' });
  return (
    <main>
      <p>{session.error?.code ?? session.status}</p>
      <button onClick={() => session.connect({ language: 'ko' })}>Connect</button>
      <button onClick={() => audio.start()}>{audio.isListening ? 'Listening' : audio.callState}</button>
      <button onPointerDown={() => audio.pushToTalk.press()}>Talk</button>
      <ol>
        {session.messages.map((message) => (
          <Line key={message.id} message={message} />
        ))}
      </ol>
      <Meter session={session} />
    </main>
  );
}
