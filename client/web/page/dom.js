/** The few DOM functions the page needs. Text only ever enters the document as text. */
import { t } from './strings.js';

export const byId = (id) => document.getElementById(id);

/** A new element; `attributes` of null or undefined are left out, strings among `children` become text. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Sets text only where it differs, so that assistive technology hears changes and nothing else. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Fills in everything index.html marks with data-text, data-label, data-hint or data-placeholder. */
export function fillInTexts(root) {
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = t(node.dataset.text);
  for (const node of root.querySelectorAll('[data-label]')) {
    node.setAttribute('aria-label', t(node.dataset.label));
    if (node.tagName === 'BUTTON') node.title = t(node.dataset.label);
  }
  for (const node of root.querySelectorAll('[data-hint]')) node.title = t(node.dataset.hint);
  for (const node of root.querySelectorAll('[data-placeholder]')) node.placeholder = t(node.dataset.placeholder);
}
