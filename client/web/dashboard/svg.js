/** SVG made by hand. Attributes are geometry; how it looks is in the style sheets, by class. */

const NAMESPACE = 'http://www.w3.org/2000/svg';

/** A new element; strings among `children` become text. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A number as short as an attribute needs it. */
export const short = (value) => String(Math.round(value * 10) / 10);

/** Calls `draw(width)` now and whenever the element's width changes. */
export function onWidth(element, draw) {
  const observer = new ResizeObserver(() => draw(element.clientWidth));
  observer.observe(element);
}
