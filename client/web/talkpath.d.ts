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
  | 'ice_failed';

export class TalkpathError extends Error {
  readonly code: GatewayErrorCode | LocalErrorCode | (string & {});
}

export type SessionState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting';
export type CallState = 'idle' | 'opening' | 'connecting' | 'connected' | 'reconnecting' | 'ended';
export type Phase = 'listening' | 'caller' | 'thinking' | 'agent';
export type Mode = 'hands-free' | 'push-to-talk';
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
  /** Of `listDevices().microphones`; empty: the system's default. */
  deviceId?: string;
  /** Echo cancellation, noise suppression and gain control. Default: true. */
  processing?: boolean;
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
  [key: string]: unknown;
}

/** What each event carries. */
export interface TalkpathEvents {
  /** The session with the gateway. */
  state: { state: SessionState };
  /** The WebRTC leg as this browser sees it. */
  call_state: { call: CallState; connection: RTCPeerConnectionState; ice: RTCIceConnectionState };
  /** Whose turn it is. */
  phase: { phase: Phase };
  turns: { mode: Mode; muted: boolean; talking: boolean };
  /** Faults no method call can be blamed for, and every `error` of the gateway. */
  error: TalkpathError;
  /** Every event of the gateway once more, after its own name, for logs. */
  event: { name: string; data: unknown };

  session_status: {
    status: 'DISCONNECTED' | 'CONNECTING' | 'CONNECTED';
    sessionId: string;
    userId: string;
    reason?: string;
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
  /** `audioElement` plays the agent; without one the library makes its own. */
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

  setMicrophone(deviceId: string): Promise<void>;
  setSpeaker(deviceId: string): Promise<void>;
}

export function listDevices(): Promise<{
  microphones: { deviceId: string; label: string }[];
  speakers: { deviceId: string; label: string }[];
}>;
