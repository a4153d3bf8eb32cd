import { useState } from 'react';
import { useBridgeAudio, useBridgeLevels, useBridgeSession } from '@talkpath/client/react';

/** `?gateway=http://...` in the address; by default a gateway on this machine. */
const GATEWAY = new URLSearchParams(location.search).get('gateway') ?? 'http://127.0.0.1:8000';

export function App() {
  const [mode, setMode] = useState('webrtc');
  const session = useBridgeSession({ url: GATEWAY });
  const audio = useBridgeAudio(session, { mode });
  const online = session.status === 'connected';
  const inCall = audio.callState !== 'idle' && audio.callState !== 'ended';
  const error = session.error ?? audio.error;

  return (
    <main>
      <h1>Talkpath with React</h1>
      <p role="status">
        Session: <b>{session.status}</b>, call: <b>{audio.callState}</b>
        {inCall && <>, {audio.isListening ? 'listening' : 'not listening'}</>}
      </p>
      {error && <p role="alert">{`${error.code}: ${error.message}`}</p>}

      <div className="controls">
        {online ? (
          <button onClick={() => session.disconnect()}>Disconnect</button>
        ) : (
          <button onClick={() => session.connect()}>Connect</button>
        )}
        <select value={mode} disabled={inCall} aria-label="Transport" onChange={(event) => setMode(event.target.value)}>
          <option value="webrtc">WebRTC</option>
          <option value="pcm">PCM over Socket.IO</option>
        </select>
        <button disabled={!online} onClick={() => (inCall ? audio.stop() : audio.start())}>
          {inCall ? 'Hang up' : 'Call'}
        </button>
        <button disabled={!inCall} aria-pressed={audio.muted} onClick={() => audio.mute(!audio.muted)}>
          Mute
        </button>
        <Talk audio={audio} />
      </div>

      <Levels session={session} />
      <Conversation messages={session.messages} />
      <Composer disabled={!online} send={session.sendText} />
    </main>
  );
}

function Talk({ audio }) {
  if (audio.turnMode !== 'push-to-talk') {
    return <button onClick={() => audio.setTurnMode('push-to-talk')}>Use push-to-talk</button>;
  }
  return (
    <button
      aria-pressed={audio.talking}
      onPointerDown={audio.pushToTalk.press}
      onPointerUp={audio.pushToTalk.release}
      onPointerLeave={audio.pushToTalk.release}
    >
      Hold to talk
    </button>
  );
}

/** Drawn ten times a second; nothing else is. */
function Levels({ session }) {
  const { micLevel, agentLevel } = useBridgeLevels(session);
  return (
    <div className="levels">
      <meter aria-label="Microphone" min={-60} max={0} value={micLevel} />
      <meter aria-label="Agent" min={-60} max={0} value={agentLevel} />
    </div>
  );
}

function Conversation({ messages }) {
  return (
    <ol>
      {messages.map(({ id, role, content, streaming, interrupted }) => (
        <li key={id} className={role} aria-busy={streaming}>
          {content}
          {interrupted && <i> (interrupted)</i>}
        </li>
      ))}
    </ol>
  );
}

function Composer({ disabled, send }) {
  const [text, setText] = useState('');
  const submit = async (event) => {
    event.preventDefault();
    if (await send(text)) setText('');
  };
  return (
    <form onSubmit={submit}>
      <input aria-label="Message" value={text} disabled={disabled} onChange={(event) => setText(event.target.value)} />
      <button disabled={disabled || !text.trim()}>Send</button>
    </form>
  );
}
