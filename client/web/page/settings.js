/** What the page remembers between visits. Tokens are not among it. */

const KEY = 'talkpath.page';

/** `{url, userId, mode, processing, transport, codec, language}`, each possibly missing. */
export function loadSettings() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // Storage may be switched off, or hold something else.
    return {};
  }
}

export function saveSettings(settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Storage may be full or switched off; the page works without.
  }
}
