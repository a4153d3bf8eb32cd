/**
 * Every failure of the library: `code` for programs, `message` for people who debug.
 *
 * Codes of the gateway are passed on as they are (`capacity`, `session_expired`, ...).
 * The library's own: `bad_url`, `bad_state`, `not_connected`, `gateway_unreachable`, `connection_lost`,
 * `session_ended`, `timeout`, `cancelled`, `insecure_origin`, `webrtc_unsupported`, `microphone_denied`,
 * `microphone_missing`, `microphone_busy`, `microphone_lost`, `speaker_failed`, `playback_blocked`, `ice_failed`,
 * `bad_codec`.
 */
export class TalkpathError extends Error {
  constructor(code, message, options) {
    super(message || code, options);
    this.name = 'TalkpathError';
    this.code = code;
  }
}

/** A gateway's `{code, message}`, which may be malformed, as an error. */
export function fromGateway(failure) {
  const code = typeof failure?.code === 'string' ? failure.code : 'internal';
  const message = typeof failure?.message === 'string' ? failure.message : '';
  return new TalkpathError(code, message);
}

/** Whatever was thrown as a TalkpathError, with `code` for what is not one yet. */
export function asTalkpathError(thrown, code) {
  if (thrown instanceof TalkpathError) return thrown;
  return new TalkpathError(code, thrown?.message ?? String(thrown), { cause: thrown });
}

/** A promise with its two ends outside; a rejection nobody awaits is not reported as unhandled. */
export function deferred() {
  let resolve, reject;
  const promise = new Promise((...ends) => ([resolve, reject] = ends));
  promise.catch(() => {});
  return { promise, resolve, reject };
}
