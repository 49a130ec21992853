/** Short messages at the foot of the page, with a way back where there is one; and the one region that screen readers follow. */
import { signal } from "@preact/signals";
import { html } from "./html.js";
import { words } from "./messages.js";

export const SHOWN_MS = 6_000;

/** @typedef {{id: number, text: string, undo?: () => void, isHeardOnly?: boolean}} Message */

/** @type {import("@preact/signals").Signal<Message[]>} */
const messages = signal([]);
let last = 0;

/**
 * @param {string} text
 * @param {() => void} [undo]
 */
export function toast(text, undo) {
  add({ id: ++last, text, undo });
}

/**
 * Say something to screen readers alone: others see it happen.
 * @param {string} text
 */
export function announce(text) {
  add({ id: ++last, text, isHeardOnly: true });
}

/** @param {Message} message */
function add(message) {
  messages.value = [...messages.value, message];
  setTimeout(() => dismiss(message.id), SHOWN_MS);
}

/** @param {number} id */
function dismiss(id) {
  messages.value = messages.value.filter((one) => one.id !== id);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${messages.value.map(
      ({ id, text, undo, isHeardOnly }) => html`<div class=${isHeardOnly ? "hidden" : "toast"} key=${id}>
        <span class="grow">${text}</span>
        ${undo && html`<button onClick=${() => (dismiss(id), undo())}>${words.undo}</button>`}
      </div>`,
    )}
  </div>`;
}
