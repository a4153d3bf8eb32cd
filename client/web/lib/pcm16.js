/** Base64 (RFC 4648, 4) of PCM16, little-endian, to an ArrayBuffer of it. */
export function decodePcm16(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length - (text.length % 2));
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}
