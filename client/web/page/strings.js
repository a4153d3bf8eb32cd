/** The words of the page, in the language that was chosen. A language is one more file with the same keys. */
import * as en from './strings_en.js';
import * as ko from './strings_ko.js';

export const LANGUAGES = { en: 'English', ko: '한국어' };

const TABLES = { en, ko };

let chosen = 'en';

/** Words of one page only. @param tables language -> `{text, problems}`; what is there already is replaced */
export function addTexts(tables) {
  for (const [name, { text, problems }] of Object.entries(tables)) {
    Object.assign(TABLES[name].text, text);
    Object.assign(TABLES[name].problems, problems);
  }
}

/** The language in use, as in the `lang` attribute. */
export const language = () => chosen;

/** Speaks another language from now on; what is on the screen must be drawn anew. */
export function useLanguage(name) {
  if (name in TABLES) chosen = name;
}

/** The first of the browser's languages that the page has. */
export function preferredLanguage(wanted = navigator.languages) {
  return wanted.map((name) => name.split('-')[0]).find((name) => name in TABLES) ?? 'en';
}

const find = (key) => key.split('.').reduce((table, part) => table?.[part], TABLES[chosen].text);

/** Whether there is a text at a dotted key, for what a gateway may name anew. */
export const has = (key) => typeof find(key) === 'string';

/** The text at a dotted key, with `{name}` replaced from `values`. */
export function t(key, values = {}) {
  const found = find(key);
  if (typeof found !== 'string') throw new Error(`no text for ${key}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Why a session ends, as the gateway tells it (docs/protocol.md), in the language that was chosen. */
export function reasonText(reason) {
  return TABLES[chosen].reasons[reason] ?? reason ?? '';
}

/** `{title, help}` of an error code; unknown codes read as `internal`. */
export function problemText(code) {
  const { problems } = TABLES[chosen];
  const [title, help] = problems[code] ?? problems.internal;
  return { title, help };
}
