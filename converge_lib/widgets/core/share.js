// A figure's state as a link: a button that copies it, and the opening of one.

import { button } from "./controls.js";
import { html, text } from "./dom.js";
import { fromFragment, toFragment } from "./link.js";

/**
 * @param {HTMLElement} el the figure's place in the page
 * @param {() => string} key
 * @param {() => Record<string, any>} state what a link carries
 * @param {(state: Record<string, any>) => void} open takes what a link brought, which may be anything
 */
export function sharing(el, key, state, open) {
  const field = html("input", {
    class: "link", readOnly: true, hidden: true, "aria-label": "Link to this state",
    onfocus: () => field.select(),
  });
  const copier = button("Copy link", copy);
  let timer = 0;

  function copy() {
    const address = `${location.href.split("#")[0]}${toFragment(key(), state())}`;
    const offer = () => {
      field.hidden = false;
      field.value = address;
      field.focus();
    };
    const copied = navigator.clipboard?.writeText(address);
    if (!copied) offer();
    else copied.then(() => {
      text(copier, "Link copied");
      clearTimeout(timer);
      timer = setTimeout(() => text(copier, "Copy link"), 2000);
    }, offer);
  }

  function follow() {
    const shared = fromFragment(key(), location.hash);
    if (!shared) return;
    open(shared);
    el.scrollIntoView?.({ block: "nearest" });
  }

  return {
    button: copier,
    field,
    listen() {
      addEventListener("hashchange", follow);
      follow();
    },
    close() {
      clearTimeout(timer);
      removeEventListener("hashchange", follow);
    },
  };
}
