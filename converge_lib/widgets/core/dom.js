// Making elements. A widget touches only the element it is given, so nothing here looks into the page.

const SVG = "http://www.w3.org/2000/svg";
let made = 0;

/** A name that no other element of the page has, for aria references. */
export const uniqueId = () => `converge-${++made}-${Math.random().toString(36).slice(2, 8)}`;

/**
 * An HTML element. Properties that start with "on" are listeners, `class` and names with a dash are
 * attributes, all else is set as a property.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function html(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class" || name === "role" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Set attributes; a number that is not finite is left out, for SVG logs an error over it.
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value !== "number" || Number.isFinite(value)) element.setAttribute(name, String(value));
  }
}

/** Write text only where it differs, so that nothing is laid out or announced twice. */
export function text(/** @type {Element} */ element, /** @type {string} */ content) {
  if (element.textContent !== content) element.textContent = content;
}

/**
 * Elements by key: what `draw` names is made or kept, what it no longer names is removed.
 * @param {Element} parent
 * @param {(key: string) => any} make
 */
export function keyed(parent, make) {
  /** @type {Map<string, any>} */
  const elements = new Map();
  return (/** @type {string[]} */ keys) => {
    for (const [key, element] of elements) {
      if (!keys.includes(key)) {
        element.remove();
        elements.delete(key);
      }
    }
    return keys.map((key) => {
      if (!elements.has(key)) {
        elements.set(key, make(key));
        parent.append(elements.get(key));
      }
      return elements.get(key);
    });
  };
}
