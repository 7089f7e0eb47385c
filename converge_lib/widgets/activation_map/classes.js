// The likeliest classes, and those chosen, as buttons with bars of their probabilities.

import { html, keyed, text } from "../core/dom.js";
import { grouped } from "../core/format.js";
import { percent } from "./describe.js";

const LIKELIEST = 5;

/** @param {(index: number) => void} choose */
export function createClasses(choose) {
  const element = html("div", { class: "classes", role: "group", "aria-label": "The likeliest classes" });
  const make = keyed(element, (key) =>
    html(
      "button", { type: "button", class: "class", onclick: () => choose(Number(key)) },
      html("span", { class: "rank" }), html("span", { class: "name" }), html("span", { class: "value" }),
      html("span", { class: "bar" }),
    ));
  return {
    element,
    /** @param {import("./maps.js").Data} data @param {import("./state.js").State} state */
    draw({ order, ranks, names, probabilities }, { index, other }) {
      const shown = order.slice(0, LIKELIEST);
      for (const chosen of [index, other]) if (chosen !== null && !shown.includes(chosen)) shown.push(chosen);
      shown.sort((a, b) => ranks[a] - ranks[b]);
      make(shown.map(String)).forEach((button, i) => {
        const one = shown[i];
        if (element.children[i] !== button) element.insertBefore(button, element.children[i]);
        button.setAttribute("aria-pressed", String(one === index));
        button.classList.toggle("other", one === other);
        const [rank, name, value, bar] = button.children;
        text(rank, grouped(ranks[one]));
        text(name, one === other ? `minus ${names[one]}` : names[one]);
        text(value, percent(probabilities[one], 2));
        bar.style.setProperty("--share", `${(100 * probabilities[one]).toFixed(3)}%`);
      });
    },
  };
}
