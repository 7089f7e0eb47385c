/**
 * The static host: brings the book's widgets to life in a page that has no kernel.
 *
 * Implements the front-end half of anywidget's contract: a module exports `initialize` and `render`
 * (or a function that returns them), and is given a model and an element. See book/_ext/figures.py
 * for what the page holds. A classic script that imports blobs, so that it works from file:// too.
 */
(() => {
  "use strict";

  /** A model without a kernel: traits, and listeners to their changes. */
  class Model {
    #traits;
    #listeners = new Map();

    /** @param {Record<string, unknown>} traits */
    constructor(traits) {
      this.#traits = traits;
    }

    /** @param {string} name */
    get(name) {
      return this.#traits[name];
    }

    /** @param {string | Record<string, unknown>} name @param {unknown} [value] */
    set(name, value) {
      const update = typeof name === "string" ? { [name]: value } : name;
      const changed = Object.keys(update).filter((key) => this.#traits[key] !== update[key]);
      Object.assign(this.#traits, update);
      for (const key of changed) this.#emit(`change:${key}`);
      if (changed.length) this.#emit("change");
    }

    /** There is no kernel to save to. */
    save_changes() {}

    /** @param {string} event @param {() => void} callback */
    on(event, callback) {
      for (const name of event.split(" ")) {
        if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
        this.#listeners.get(name).add(callback);
      }
    }

    /** @param {string | null} [event] @param {(() => void) | null} [callback] */
    off(event, callback) {
      for (const name of event ? event.split(" ") : this.#listeners.keys()) {
        if (callback) this.#listeners.get(name)?.delete(callback);
        else this.#listeners.delete(name);
      }
    }

    #emit(event) {
      for (const callback of [...(this.#listeners.get(event) ?? [])]) callback();
    }
  }

  /** Binary traits travel as base64 beside the state: put them back in their places. */
  function restoreBuffers(state, buffers = []) {
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      const holder = path.slice(0, -1).reduce((object, key) => object[key], state);
      holder[path.at(-1)] = new DataView(bytes.buffer);
    }
  }

  const modules = new Map();

  /** Import a module once, and put its style sheet in the page. */
  function load(name) {
    if (!modules.has(name)) {
      const { esm, css } = globalThis.convergeModules[name];
      const style = document.createElement("style");
      style.textContent = css;
      document.head.append(style);
      const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
      const module = import(url).then(async ({ default: widget }) =>
        typeof widget === "function" ? widget() : widget,
      );
      modules.set(name, module.finally(() => URL.revokeObjectURL(url)));
    }
    return modules.get(name);
  }

  const data = document.querySelector("script[data-converge-figures]");
  const entries = data ? JSON.parse(data.textContent) : {};
  const models = new Map();

  /** One model a widget, however many views the page has of it. */
  function modelOf(id) {
    if (!models.has(id)) {
      const { module, state, buffers } = entries[id];
      restoreBuffers(state, buffers);
      const model = new Model(state);
      const ready = load(module).then(async (widget) => {
        await widget.initialize?.({ model });
        return { widget, model };
      });
      models.set(id, ready);
    }
    return models.get(id);
  }

  /** Draw a figure; where that fails, say so and show its picture instead. */
  async function render(element) {
    const picture = element.querySelector("noscript");
    const el = document.createElement("div");
    try {
      const { widget, model } = await modelOf(element.dataset.model);
      element.append(el);
      await widget.render({ model, el });
      element.dataset.live = "true";
    } catch (error) {
      el.remove();
      element.dataset.live = "false";
      // With scripts enabled the content of <noscript> is text: make the picture of it.
      if (picture) picture.outerHTML = picture.textContent;
      const note = document.createElement("p");
      note.textContent = `This figure could not start (${error}). The picture shows its first state.`;
      element.append(note);
      console.error(error);
    }
  }

  // A figure far down the page costs nothing until the reader comes near, or prints.
  const waiting = new Set(document.querySelectorAll(".converge-figure"));
  const observer = new IntersectionObserver(
    (seen) => seen.filter((entry) => entry.isIntersecting).forEach((entry) => start(entry.target)),
    { rootMargin: "800px 0px" },
  );
  function start(element) {
    observer.unobserve(element);
    if (waiting.delete(element)) render(element);
  }
  waiting.forEach((element) => observer.observe(element));
  addEventListener("beforeprint", () => waiting.forEach(start));
  // A link to a figure's state, #KEY.STATE, can be read by that figure alone.
  const follow = () => location.hash.includes(".") && waiting.forEach(start);
  addEventListener("hashchange", follow);
  follow();
})();
