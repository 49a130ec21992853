/** Lists come a page at a time: which one is shown stands in the address. */
import { html } from "../common/html.js";
import { words } from "./messages.js";
import { route, toQuery } from "./route.js";

/**
 * What to ask of the API for the page that is shown.
 * @param {string} [name] of the parameter in the address, where a view has more than one list
 * @returns {{cursor?: string}}
 */
export function pageNow(name = "cursor") {
  return { cursor: route.value.query.get(name) ?? undefined };
}

/** @param {{next: string | null | undefined, name?: string}} props `next` is the cursor in the answer */
export function Pages({ next, name = "cursor" }) {
  const now = route.value.query.get(name);
  if (!now && !next) return null;
  return html`<nav class="row" aria-label=${words.pages}>
    ${now && html`<a class="button" href=${toQuery({ [name]: null })}>${words.first}</a>`}
    ${next && html`<a class="button" href=${toQuery({ [name]: next })}>${words.more}</a>`}
  </nav>`;
}
