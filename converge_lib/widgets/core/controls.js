// Controls of one look: native inputs underneath, so that keyboard and screen reader work as ever.

import { html, text, uniqueId } from "./dom.js";
import { SLIDER } from "./scales.js";

/**
 * A slider with its name, symbol and value.
 * @param {object} options
 * @param {string} options.label what a screen reader says
 * @param {string} [options.name] what is written beside the symbol
 * @param {string} [options.symbol]
 * @param {number | null} options.low @param {number} options.high
 * @param {keyof typeof SLIDER} [options.kind]
 * @param {number} [options.step] in positions
 * @param {(value: any) => string} options.format
 * @param {(value: any) => void} options.onInput
 */
export function slider({ label, name = "", symbol = "", low, high, kind = "linear", step, format, onInput }) {
  /** @type {{value: (t: number) => any, position: (value: any) => number, step: number}} */
  const scale = SLIDER[kind];
  const [min, max] = [low, high].map(scale.position);
  const output = html("span", { class: "value", "aria-hidden": "true" });
  const input = html("input", {
    type: "range",
    min: String(min),
    max: String(max),
    step: String(step ?? scale.step),
    "aria-label": label,
    oninput() {
      onInput(scale.value(Number(input.value)));
    },
  });
  const element = html(
    "label",
    { class: "slider" },
    html("span", { class: "name" }, html("i", {}, symbol), symbol && name ? ` ${name}` : name),
    output,
    input,
  );
  return {
    element,
    set(/** @type {any} */ value) {
      const position = Math.min(max, Math.max(min, scale.position(value)));
      // a value set from elsewhere need not lie on a step; the thumb may, the number must not
      if (scale.value(Number(input.value)) !== value) input.value = String(position);
      element.style.setProperty("--fill", `${(100 * (position - min)) / (max - min || 1)}%`);
      text(output, format(value));
      input.setAttribute("aria-valuetext", format(value));
    },
  };
}

/**
 * A choice of one in a drop-down.
 * @param {{label: string, options: [string, string][], onChange: (value: string) => void}} options
 */
export function select({ label, options, onChange }) {
  const input = html("select", { "aria-label": label, onchange: () => onChange(input.value) });
  let now = "";
  const fill = (/** @type {[string, string][]} */ pairs) => {
    if (now === JSON.stringify(pairs)) return;
    now = JSON.stringify(pairs);
    input.replaceChildren(...pairs.map(([value, shown]) => html("option", { value }, shown)));
  };
  fill(options);
  return {
    element: html("span", { class: "select" }, input),
    fill,
    set(/** @type {string} */ value) {
      if (input.value !== value) input.value = value;
    },
  };
}

/**
 * A button that is on or off.
 * @param {{content: (Node | string)[], onToggle: (on: boolean) => void}} options
 */
export function toggle({ content, onToggle }) {
  const element = html(
    "button",
    {
      type: "button",
      class: "toggle",
      "aria-pressed": "false",
      onclick: () => onToggle(element.getAttribute("aria-pressed") !== "true"),
    },
    ...content,
  );
  return {
    element,
    set(/** @type {boolean} */ on) {
      element.setAttribute("aria-pressed", String(on));
    },
  };
}

/**
 * @param {string | Node} content
 * @param {() => void} onClick
 * @param {{label?: string, kind?: string}} [options] a label for a button without words
 */
export function button(content, onClick, { label, kind = "" } = {}) {
  const element = html("button", { type: "button", class: `button ${kind}`, onclick: onClick }, content);
  if (label) element.setAttribute("aria-label", label);
  return element;
}

/**
 * A choice of one among a few, all in view.
 * @param {string} legend
 * @param {(value: string) => void} onChange
 */
export function radios(legend, onChange) {
  const group = uniqueId();
  const options = html("div", { class: "options" });
  return {
    element: html("fieldset", {}, html("legend", {}, legend), options),
    fill(/** @type {[string, string][]} */ pairs, /** @type {string | null} */ chosen) {
      const now = JSON.stringify(pairs);
      if (options.dataset.now !== now) {
        options.dataset.now = now;
        options.replaceChildren(
          ...pairs.map(([value, shown]) =>
            html(
              "label",
              { class: "radio" },
              html("input", { type: "radio", name: group, value, onchange: () => onChange(value) }),
              shown,
            ),
          ),
        );
      }
      for (const input of options.querySelectorAll("input")) input.checked = input.value === chosen;
    },
  };
}
