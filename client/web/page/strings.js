/** Every word of the page. A language is one more table with the same keys. */

const en = {
  states: { label: 'Connection', session: 'Gateway', model: 'Model', call: 'Call', ice: 'ICE' },
  session: {
    disconnected: 'Not connected',
    connecting: 'Connecting',
    connected: 'Connected',
    reconnecting: 'Reconnecting',
  },
  model: { none: 'Idle', connecting: 'Connecting', connected: 'Connected' },
  call: {
    idle: 'Idle',
    opening: 'Microphone',
    connecting: 'Connecting',
    connected: 'Connected',
    reconnecting: 'Reconnecting',
    ended: 'Idle',
  },
  ice: {
    none: 'Idle',
    new: 'New',
    checking: 'Checking',
    connected: 'Connected',
    completed: 'Connected',
    disconnected: 'Interrupted',
    failed: 'Failed',
    closed: 'Closed',
  },
  announcement: 'Gateway: {session}. Call: {call}.',
  path: {
    you: 'You',
    agent: 'Agent',
    microphoneLevel: 'Your microphone level',
    agentLevel: 'Agent voice level',
  },
  phase: {
    ready: 'Ready to call',
    connected: 'Connected, ready to call',
    joining: 'Reaching the gateway…',
    opening: 'Waiting for your microphone…',
    connecting: 'Calling…',
    reconnecting: 'Connection lost, reconnecting…',
    model: 'Reaching the speech model…',
    listening: 'Listening',
    hold: 'Hold the button to talk',
    muted: 'You are muted',
    caller: 'You are speaking',
    thinking: 'Thinking…',
    agent: 'Agent is speaking',
  },
  controls: {
    call: 'Call',
    cancel: 'Cancel',
    hangUp: 'Hang up',
    mute: 'Mute',
    interrupt: 'Interrupt',
    talk: 'Hold to talk',
    talkKey: 'Space',
  },
  mode: { label: 'Turn taking', handsFree: 'Hands-free', pushToTalk: 'Push to talk' },
  stats: { turnLatency: 'Reply in', rtt: 'Round trip', jitter: 'Jitter', loss: 'Loss' },
  audio: {
    title: 'Audio',
    microphone: 'Microphone',
    speaker: 'Speaker',
    systemDefault: 'System default',
    unnamedMicrophone: 'Microphone {number}',
    unnamedSpeaker: 'Speaker {number}',
    processing: 'Echo cancellation and noise suppression',
  },
  connection: {
    title: 'Gateway',
    url: 'Server URL',
    userId: 'User ID',
    userIdHint: 'Optional',
    more: 'More settings',
    token: 'Access token',
    tokenHint: 'If the gateway asks for one',
    agentSet: 'Agent set',
    voice: 'Voice',
    instructions: 'Instructions',
    byGateway: 'Chosen by the gateway',
    connect: 'Connect',
    cancel: 'Cancel',
    disconnect: 'Disconnect',
  },
  conversation: {
    title: 'Conversation',
    emptyTitle: 'Nothing said yet',
    emptyHelp: 'Press Call and speak, or connect and write. What both sides say appears here as it is spoken.',
    you: 'You',
    agent: 'Agent',
    interrupted: 'Interrupted after {seconds} s',
    interruptedUnknown: 'Interrupted',
    unclear: 'Not understood',
    sessionId: 'Session {id}',
  },
  composer: { label: 'Message to the agent', placeholder: 'Write instead of speaking', send: 'Send' },
  events: { title: 'Events', clear: 'Clear' },
  problem: { dismiss: 'Dismiss' },
};

/** Error code -> what happened, and what the user can do. */
const enProblems = {
  insecure_origin: [
    'This page may not use your microphone',
    'Browsers allow microphones only on https:// pages and on localhost. Open the page at such an address.',
  ],
  webrtc_unsupported: [
    'This browser cannot place calls',
    'It lacks WebRTC. Use a current Chrome, Edge, Firefox or Safari. Text still works.',
  ],
  microphone_denied: [
    'Microphone access is blocked',
    'Allow the microphone for this page in the address bar or in the system settings, then call again.',
  ],
  microphone_missing: [
    'No microphone was found',
    'Plug one in, or choose another one under Audio, then call again.',
  ],
  microphone_busy: [
    'The microphone could not be opened',
    'Another program may be using it. Close that program, or choose another microphone.',
  ],
  microphone_lost: [
    'The microphone stopped',
    'It was unplugged or switched off. Choose another one under Audio; the call goes on.',
  ],
  speaker_failed: [
    'This speaker could not be used',
    'The previous one stays in use. Choose another one under Audio.',
  ],
  playback_blocked: [
    'The browser blocks sound on this page',
    'Allow sound for this page in the address bar, then call again.',
  ],
  bad_url: ['This is not a gateway address', 'A server URL looks like https://voice.example.com or localhost:8000.'],
  gateway_unreachable: [
    'The gateway cannot be reached',
    'Check the server URL and that the gateway runs. It must also allow this page’s origin.',
  ],
  connection_lost: ['The connection to the gateway was lost', 'Check your network, then try again.'],
  timeout: ['The gateway did not answer in time', 'It may be overloaded. Try again in a moment.'],
  not_connected: ['There is no connection to the gateway', 'Connect first, then try again.'],
  no_session: ['There is no session any more', 'Connect again to start a new one.'],
  session_ended: ['The gateway ended the session', 'Connect again to start a new one.'],
  session_expired: [
    'The session has expired',
    'It was idle or away too long, or reached its time limit. Connect again to start a new one.',
  ],
  unauthorized: [
    'The gateway did not let you in',
    'Check the access token under More settings. It may have expired.',
  ],
  capacity: ['All lines are busy', 'The gateway has as many calls as it may take. Try again in a moment.'],
  rate_limited: ['Too many requests', 'Wait a moment, then try again.'],
  too_large: ['That is more than the gateway accepts at once', 'Send less at a time.'],
  unsupported_format: ['The gateway does not understand this audio format', 'Use another format.'],
  bad_request: ['The gateway did not accept that', 'Check the settings. The details below say what it objects to.'],
  negotiation_failed: ['The call could not be set up', 'Browser and gateway found no common way to send audio.'],
  ice_failed: [
    'The audio path could not be established',
    'A firewall or VPN may block UDP between you and the gateway. Try another network, or ask for a TURN server.',
  ],
  upstream_unavailable: [
    'The speech model cannot be reached',
    'The gateway runs, but its model does not answer or refused its key. The details below say which.',
  ],
  upstream_error: [
    'The speech model reported an error',
    'The call goes on. The details below are the model’s own words.',
  ],
  internal: ['Something went wrong', 'The fault is on our side. Try again; the gateway’s log has the details.'],
};

const text = en;
const problems = enProblems;

/** The text at a dotted key, with `{name}` replaced from `values`. */
export function t(key, values = {}) {
  const found = key.split('.').reduce((table, part) => table?.[part], text);
  if (typeof found !== 'string') throw new Error(`no text for ${key}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** `{title, help}` of an error code; unknown codes read as `internal`. */
export function problemText(code) {
  const [title, help] = problems[code] ?? problems.internal;
  return { title, help };
}
