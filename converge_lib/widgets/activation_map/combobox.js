// A choice of one among many: a field to type in, and a list of what fits. Arrow keys move in the
// list, Enter takes, Escape closes.

import { html, text, uniqueId } from "../core/dom.js";

const LONGEST = 50;

/**
 * @typedef {object} Option
 * @property {number | null} value
 * @property {string} name
 * @property {string} note
 */

/**
 * @param {object} parts
 * @param {string} parts.label
 * @param {string} parts.empty what stands in the field when nothing is chosen
 * @param {(sought: string) => Option[]} parts.find
 * @param {(value: number | null) => void} parts.choose
 */
export function combobox({ label, empty, find, choose }) {
  const id = uniqueId();
  /** @type {Option[]} */ let options = [];
  let active = 0;
  let shown = ""; // the name of what is chosen

  const list = html("ul", { role: "listbox", "aria-label": label });
  list.id = id;
  const count = html("p", { class: "count", role: "status" });
  const popup = html("div", { class: "popup", hidden: true }, list, count);
  const input = html("input", {
    type: "text", role: "combobox", autocomplete: "off", spellcheck: false, placeholder: empty,
    "aria-label": label, "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": id,
    onfocus: () => input.select(),
    onclick: () => popup.hidden && open(""),
    oninput: () => open(input.value),
    onblur: close,
    onkeydown(/** @type {KeyboardEvent} */ event) {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
      if (step && !event.altKey) {
        event.preventDefault();
        if (popup.hidden) open("");
        else move(Math.abs(step) === 1
          ? (active + step + options.length) % options.length
          : Math.min(options.length - 1, Math.max(0, active + step)));
      } else if (event.key === "Enter" && !popup.hidden) {
        event.preventDefault();
        take(active);
      } else if (event.key === "Escape" && !popup.hidden) {
        event.preventDefault();
        event.stopPropagation();
        close();
      }
    },
  });
  const element = html("div", { class: "combobox" }, html("span", { class: "name", "aria-hidden": "true" }, label), input, popup);

  function open(/** @type {string} */ sought) {
    const found = find(sought);
    options = found.slice(0, LONGEST);
    list.replaceChildren(...options.map(({ name, note }, i) => {
      const option = html(
        "li",
        {
          role: "option", "aria-selected": "false",
          onpointerdown: (/** @type {Event} */ event) => event.preventDefault(), // the field keeps the focus
          onclick: () => take(i),
        },
        html("span", {}, name), " ", html("span", { class: "note" }, note),
      );
      option.id = `${id}-${i}`;
      return option;
    }));
    text(count, found.length === 0 ? "No class is called so." : found.length > LONGEST ? `The first ${LONGEST} of ${found.length.toLocaleString("en")}.` : "");
    count.hidden = !count.textContent;
    list.hidden = options.length === 0;
    popup.hidden = false;
    input.setAttribute("aria-expanded", "true");
    move(0);
  }

  function move(/** @type {number} */ to) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = Math.max(0, to);
    const option = list.children[active];
    option?.setAttribute("aria-selected", "true");
    if (!option) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", option.id);
      const { offsetTop: top, offsetHeight: height } = /** @type {HTMLElement} */ (option);
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
    }
  }

  function take(/** @type {number} */ i) {
    const option = options[i];
    if (!option) return;
    shown = option.value === null ? "" : option.name;
    close();
    choose(option.value);
  }

  function close() {
    popup.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = shown;
  }

  return {
    element,
    set(/** @type {string} */ name) {
      shown = name;
      if (popup.hidden && input.value !== name) input.value = name;
    },
  };
}
