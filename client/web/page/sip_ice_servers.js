/** STUN and TURN servers of the gateway, which SIP has no place for. */

const PATIENCE_MS = 3000;

/**
 * RTCIceServer dictionaries; none if the gateway tells none, as a call may connect without.
 * @param account `{name, password}`
 */
export async function fetchIceServers({ name, password }) {
  const headers = password ? { Authorization: `Basic ${base64(`${name}:${password}`)}` } : {};
  try {
    const response = await fetch('/sip/ice-servers', {
      headers,
      // Otherwise the browser itself would ask for name and password.
      credentials: 'omit',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return response.ok ? (await response.json()).iceServers : [];
  } catch {
    return [];
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
