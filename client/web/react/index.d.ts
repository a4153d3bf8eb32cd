/**
 * React hooks for Talkpath (React 18 and 19), by the names of the bridge that it replaces.
 *
 *     const session = useBridgeSession({ url: 'http://localhost:8000', userId: 'alice' });
 *     const audio = useBridgeAudio(session, { mode: 'webrtc' });
 *     <button onClick={() => session.connect()}>Connect</button>
 *     <button onClick={() => audio.start()}>Call</button>
 *
 * Actions never reject: a failure is in `error`, and they resolve to false.
 */
import type {
  CallState,
  Codec,
  ConnectOptions,
  Devices,
  Message,
  Mode,
  Phase,
  Role,
  SessionState,
  Talkpath,
  TalkpathError,
  Transport,
  UnderstoodAudio,
} from '../talkpath.js';

/** One line of the conversation; the same object as long as nothing of it changed. */
export interface BridgeMessage {
  readonly id: string;
  readonly role: Role;
  readonly type: Message['type'];
  /** What was said so far; of an answer that was cut, what was heard. */
  readonly content: string;
  /** While it is spoken. */
  readonly streaming: boolean;
  readonly interrupted: boolean;
  /** Where it was cut. */
  readonly audioEndMs: number | null;
  /** Speech that was not understood. */
  readonly unclear: boolean;
  /** ms since 1970; null before the final text. */
  readonly timestamp: number | null;
}

export interface BridgeSession {
  readonly status: SessionState;
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly agentSet: string | null;
  /** Who answered last. */
  readonly agent: string | null;
  /** In the order of the conversation. */
  readonly messages: readonly BridgeMessage[];
  /** The last failure; null again with the next `connect`. */
  readonly error: TalkpathError | null;
  /** The library underneath, for events and whatever else. */
  readonly client: Talkpath;
  /** Joins a session with the hook's options, or others. After a dropped connection it is resumed by itself. */
  connect(options?: ConnectOptions): Promise<boolean>;
  disconnect(): Promise<boolean>;
  sendText(text: string): Promise<boolean>;
  sendAudio(recording: Blob | ArrayBuffer | ArrayBufferView, format?: string): Promise<UnderstoodAudio | false>;
  commitAudio(): Promise<boolean>;
  clearAudio(): Promise<boolean>;
  interrupt(): Promise<boolean>;
  updateSession(settings: Record<string, unknown>): Promise<boolean>;
}

/**
 * A session for as long as the component is mounted; unmounting ends it.
 * With `client`, a Talkpath of your own, its end is yours too.
 */
export function useBridgeSession(options?: ConnectOptions & { client?: Talkpath }): BridgeSession;

export interface BridgeLevels {
  /** dBFS, -100 .. 0. */
  readonly micLevel: number;
  readonly agentLevel: number;
}

export interface BridgeAudioOptions {
  /** How the next call's audio travels. Default: `webrtc`. */
  mode?: Transport;
  /** Echo cancellation, noise suppression and gain control. Default: true. */
  processing?: boolean;
  /** Hz of PCM calls: the gateway's AUDIO_SAMPLE_RATE. Default: 24000. */
  pcmRate?: number;
  /** Whether this component shows levels: it is then drawn ten times a second. Default: false, and both stay -100. */
  levels?: boolean;
}

export interface BridgeAudio extends BridgeLevels {
  readonly callState: CallState;
  /** Whether the microphone is heard right now. */
  readonly isListening: boolean;
  readonly phase: Phase;
  readonly mode: Transport;
  /** Of the running call. */
  readonly transport: Transport;
  readonly turnMode: Mode;
  readonly muted: boolean;
  readonly talking: boolean;
  readonly devices: Devices;
  /** The chosen microphone's id; empty: the system's default. */
  readonly microphone: string;
  /** The name of the one that was unplugged during this call. */
  readonly lostMicrophone: string | null;
  readonly error: TalkpathError | null;
  /** Opens the microphone and calls. */
  start(): Promise<boolean>;
  /** Hangs up; the session stays. */
  stop(): Promise<boolean>;
  mute(muted?: boolean): Promise<boolean>;
  setTurnMode(mode: Mode): Promise<boolean>;
  readonly pushToTalk: { press(): Promise<boolean>; release(): Promise<boolean> };
  setMicrophone(deviceId: string): Promise<boolean>;
  setSpeaker(deviceId: string): Promise<boolean>;
  setCodec(codec: Codec | null): Promise<boolean>;
  /** After `playback_blocked`, from a click. */
  resumeAudio(): Promise<boolean>;
}

/** The call of a session. Unmounting the component that placed it hangs up. */
export function useBridgeAudio(session: { client: Talkpath }, options?: BridgeAudioOptions): BridgeAudio;

/** Levels alone, for a meter that is drawn ten times a second while the rest of the page is not. */
export function useBridgeLevels(session: { client: Talkpath }): BridgeLevels;
