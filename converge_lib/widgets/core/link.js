// A figure's state as the fragment of a link: #KEY.PAYLOAD, the payload JSON in base64url. What a
// link brings is hostile until sanitised: here it need only be a JSON object of modest length.

import { record } from "./sanitise.js";

const LONGEST = 4000;

/** A key as it may stand in a fragment. */
export const slug = (/** @type {string} */ key) => key.replace(/[^\w-]+/g, "-") || "figure";

/** @param {string} key @param {object} state */
export function toFragment(key, state) {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const payload = btoa(String.fromCharCode(...bytes));
  return `#${slug(key)}.${payload.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/**
 * The state that a fragment holds for this key, or null.
 * @param {string} key @param {string} fragment
 * @returns {Record<string, any> | null}
 */
export function fromFragment(key, fragment) {
  const prefix = `#${slug(key)}.`;
  if (!fragment.startsWith(prefix) || fragment.length > LONGEST) return null;
  try {
    const bytes = atob(fragment.slice(prefix.length).replaceAll("-", "+").replaceAll("_", "/"));
    const json = new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
    const state = JSON.parse(json);
    return record(state) === state ? state : null;
  } catch {
    return null;
  }
}
