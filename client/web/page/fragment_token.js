/** A token in the page's address, behind `#`: it reaches no server and no log, and stays there for no moment longer. */

const NAME = 'token';

/** The token of `#token=…`, which is taken out of the address; null: there is none. */
export function takeFragmentToken(place = location) {
  const fields = new URLSearchParams(place.hash.slice(1));
  const token = fields.get(NAME);
  if (token === null) return null;
  fields.delete(NAME);
  const rest = fields.toString();
  history.replaceState(history.state, '', `${place.pathname}${place.search}${rest ? `#${rest}` : ''}`);
  return token.trim() || null;
}
