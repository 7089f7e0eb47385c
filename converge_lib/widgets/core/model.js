// The anywidget model, used so that any host will do: `save_changes` may be missing or throw, a trait
// may be missing, and a callback's arguments are not to be relied on.

import { same } from "./sanitise.js";

const PAUSE = 120;

/**
 * @param {any} model
 * @param {string[]} names traits to listen to
 * @param {(name: string) => void} changed called when the host changes a trait
 */
export function connect(model, names, changed) {
  /** @type {Record<string, any>} */
  let waiting = {};
  let timer = 0;
  let writing = false;

  const read = (/** @type {string} */ name) => {
    try {
      return model.get(name);
    } catch {
      return undefined;
    }
  };

  function flush() {
    clearTimeout(timer);
    timer = 0;
    const changes = Object.entries(waiting).filter(([name, value]) => !same(read(name) ?? null, value));
    waiting = {};
    if (changes.length === 0) return;
    writing = true;
    try {
      for (const [name, value] of changes) model.set(name, value);
      model.save_changes?.();
    } catch {
      // A host without a kernel may refuse: the figure lives on without being stored.
    } finally {
      writing = false;
    }
  }

  const listeners = names.map((name) => {
    const listener = () => {
      if (!writing && !(name in waiting)) changed(name);
    };
    model.on?.(`change:${name}`, listener);
    return [`change:${name}`, listener];
  });

  return {
    read,
    /** Store values a moment later, all in one message; a drag sends only its last. */
    write(/** @type {Record<string, any>} */ values) {
      Object.assign(waiting, values);
      timer ||= setTimeout(flush, PAUSE);
    },
    close() {
      flush();
      for (const [event, listener] of listeners) model.off?.(event, listener);
    },
  };
}
