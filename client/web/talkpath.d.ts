/** Types of talkpath.js. Levels are dBFS, times milliseconds unless a name says otherwise. */

export type GatewayErrorCode =
  | 'bad_request'
  | 'no_session'
  | 'unauthorized'
  | 'capacity'
  | 'rate_limited'
  | 'too_large'
  | 'unsupported_format'
  | 'negotiation_failed'
  | 'upstream_unavailable'
  | 'upstream_error'
  | 'session_expired'
  | 'internal';

export type LocalErrorCode =
  | 'bad_url'
  | 'bad_state'
  | 'not_connected'
  | 'gateway_unreachable'
  | 'connection_lost'
  | 'session_ended'
  | 'timeout'
  | 'cancelled'
  | 'insecure_origin'
  | 'webrtc_unsupported'
  | 'microphone_denied'
  | 'microphone_missing'
  | 'microphone_busy'
  | 'microphone_lost'
  | 'speaker_failed'
  | 'playback_blocked'
  | 'ice_failed'
  | 'bad_codec';

export class TalkpathError extends Error {
  constructor(code: string, message?: string, options?: ErrorOptions);
  readonly code: GatewayErrorCode | LocalErrorCode | (string & {});
}

export type SessionState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting';
export type CallState = 'idle' | 'opening' | 'connecting' | 'connected' | 'reconnecting' | 'ended';
export type Phase = 'listening' | 'caller' | 'thinking' | 'agent';
export type Mode = 'hands-free' | 'push-to-talk';
/** How a call's audio travels: WebRTC, or PCM16 over Socket.IO where a network lets no media through. */
export type Transport = 'webrtc' | 'pcm';
export type Codec = 'opus' | 'G722' | 'PCMU' | 'PCMA';
export const CODECS: readonly Codec[];
/** What silence reads as. */
export const SILENCE_DBFS: -100;
export type Role = 'user' | 'assistant';

export interface ConnectOptions {
  /** Base URL of the gateway. Default: the page's own origin. */
  url?: string;
  userId?: string;
  agentSet?: string;
  voice?: string;
  instructions?: string;
  language?: string;
  /** JWT or `ek_...` key, where the gateway asks for one. */
  token?: string;
}

export interface CallOptions {
  /** Default: `webrtc`. */
  transport?: Transport;
  /** Of `listDevices().microphones`; empty: the system's default. */
  deviceId?: string;
  /** Echo cancellation, noise suppression and gain control. Default: true. */
  processing?: boolean;
  /** Hz of PCM calls: the gateway's AUDIO_SAMPLE_RATE. Default: 24000. */
  pcmRate?: number;
}

export interface Device {
  deviceId: string;
  /** Empty until a microphone was opened once. */
  label: string;
}

export interface Devices {
  microphones: Device[];
  speakers: Device[];
}

/** How the jitter buffer of a PCM call stands. */
export interface Playout {
  depthMs: number;
  targetMs: number;
  underruns: number;
}

/** What the gateway took a recording for. */
export interface UnderstoodAudio {
  format: string;
  sampleRate: number;
  channels: number;
  durationMs: number;
}

export interface Message {
  /** The conversation item's id; the same as `itemId` of its deltas. */
  id: string;
  type: 'text' | 'audio' | 'system';
  role: Role;
  content: string;
  data?: { interrupted?: boolean; audioEndMs?: number; [key: string]: unknown };
  timestamp: number;
}

export interface CallStats {
  rttMs?: number | null;
  jitterMs?: number | null;
  lossPercent?: number | null;
  /** Of what this end hears. */
  remoteLossPercent?: number | null;
  concealedPercent?: number | null;
  bufferMs?: number | null;
  turnLatencyMs?: number | null;
  /** Of the models whose price is known; null: of none. */
  costUsd?: number | null;
  [key: string]: unknown;
}

/** What each event carries. */
export interface TalkpathEvents {
  /** The session with the gateway. */
  state: { state: SessionState };
  /** The call as this browser sees it; in a PCM call `connection` and `ice` stay `new`. */
  call_state: { call: CallState; connection: RTCPeerConnectionState; ice: RTCIceConnectionState };
  /** Whose turn it is. */
  phase: { phase: Phase };
  turns: { mode: Mode; muted: boolean; talking: boolean };
  /** The microphone was unplugged; the system's default takes its place. If there is none: `error`. */
  microphone_lost: { label: string };
  /** The chosen speaker was unplugged; the system's default takes its place. */
  speaker_lost: Record<string, never>;
  /** Faults no method call can be blamed for, and every `error` of the gateway. */
  error: TalkpathError;
  /** Every event of the gateway once more, after its own name, for logs. */
  event: { name: string; data: unknown };

  session_status: {
    status: 'DISCONNECTED' | 'CONNECTING' | 'CONNECTED';
    sessionId: string;
    userId: string;
    /** Why it ended; with `endsInMs`: why it will. */
    reason?: string;
    /** A warning: the session ends then, unless something happens. One without it takes the warning back. */
    endsInMs?: number;
  };
  message: Message;
  transcript: { text: string; role: Role };
  transcript_delta: { itemId: string; role: Role; delta: string };
  audio_interrupted: { itemId: string; audioEndMs: number };
  /** A Realtime GA server event. */
  realtime_event: { type: string; [key: string]: unknown };
  webrtc_state: { connection: string; ice: string };
  call_stats: CallStats;
  agent_event: Record<string, unknown>;
  agent_response: {
    id: string;
    agent: string;
    type: string;
    content: string;
    timestamp: number;
    metadata: Record<string, unknown>;
  };
}

export class Talkpath {
  /** `audioElement` plays the agent; without one the library makes its own, when there is something to play. */
  constructor(options?: { audioElement?: HTMLAudioElement });

  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof TalkpathEvents>(
    name: Name,
    listener: (payload: TalkpathEvents[Name]) => void,
  ): () => void;
  off<Name extends keyof TalkpathEvents>(
    name: Name,
    listener: (payload: TalkpathEvents[Name]) => void,
  ): void;

  readonly state: SessionState;
  readonly callState: CallState;
  readonly phase: Phase;
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly mode: Mode;
  readonly muted: boolean;
  /** Whether the push-to-talk button is held. */
  readonly talking: boolean;
  /** Right now, -100 .. 0 dBFS. */
  readonly levels: { microphone: number; agent: number };
  /** Of the running call, or of the last one. */
  readonly transport: Transport;
  readonly playout: Playout | null;
  /** What WebRTC calls are to speak; null: any. */
  readonly codec: Codec | null;
  /** What the running WebRTC call speaks; null without one. */
  readonly codecInUse: Codec | null;
  readonly remoteStream: MediaStream | null;
  readonly microphoneStream: MediaStream | null;

  /** Joins a session. After a dropped connection it is resumed by itself. */
  connect(
    options?: ConnectOptions,
  ): Promise<{ sessionId: string; userId: string | null; agentSet?: string }>;
  /** Hangs up and ends the session. Never rejects. */
  disconnect(): Promise<void>;

  /** Opens the microphone and calls; resolves once audio flows both ways. */
  startCall(options?: CallOptions): Promise<void>;
  /** Ends the call; the session stays open for text or another call. */
  hangUp(): Promise<void>;

  sendText(text: string): Promise<void>;
  /** Stops the agent's answer now. */
  interrupt(): Promise<void>;
  /** Hands-free only: closes or opens the microphone. */
  mute(muted: boolean): Promise<void>;
  setMode(mode: Mode): Promise<void>;
  pressToTalk(): Promise<void>;
  /** Keeps the microphone open 150 ms longer, then asks for an answer. */
  releaseToTalk(): Promise<void>;
  updateSession(settings: Record<string, unknown>): Promise<void>;

  /**
   * A recording into the conversation, at most the gateway's MAX_AUDIO_SIZE. `format` (`pcm16`, `wav`, `webm`, `ogg`, ...)
   * may be left out for a Blob that has a type.
   */
  sendAudio(recording: Blob | ArrayBuffer | ArrayBufferView, format?: string): Promise<UnderstoodAudio>;
  /** What was sent is a turn, and is answered. */
  commitAudio(): Promise<void>;
  /** Drops what was sent and not committed. */
  clearAudio(): Promise<void>;
  /** Keys of a telephone, of `0-9*#A-D`, as if keyed during the call. */
  sendDtmf(keys: string): Promise<void>;

  setMicrophone(deviceId: string): Promise<void>;
  setSpeaker(deviceId: string): Promise<void>;
  /** The codec of WebRTC calls, this one and later ones; null: any. */
  setCodec(codec: Codec | null): Promise<void>;
  /** After `playback_blocked`: makes sound, if called from a click. */
  resumeAudio(): Promise<void>;
}

export function listDevices(): Promise<Devices>;
/** Calls `changed` after a device was plugged in or pulled out; the returned function stops it. */
export function watchDevices(changed: (devices: Devices) => void): () => void;

/** One line of the conversation. */
export interface TranscriptLine {
  readonly id: string;
  readonly role: Role;
  readonly kind: 'speech' | 'notice';
  /** Of the final message; null before. */
  readonly type: Message['type'] | null;
  readonly text: string;
  /** While it is spoken. */
  readonly live: boolean;
  /** Once the final message replaced what the deltas built. */
  readonly final: boolean;
  readonly interrupted: boolean;
  readonly audioEndMs: number | null;
  /** Speech that was not understood. */
  readonly unclear: boolean;
  readonly timestamp?: number;
}

/** The conversation in its order, whatever order the events arrive in: feed it with them. */
export class Transcript {
  constructor(changed: () => void);
  readonly lines: TranscriptLine[];
  clear(): void;
  message(message: Message): void;
  delta(delta: TalkpathEvents['transcript_delta']): void;
  interrupted(cut: TalkpathEvents['audio_interrupted']): void;
  observe(event: TalkpathEvents['realtime_event']): void;
}
