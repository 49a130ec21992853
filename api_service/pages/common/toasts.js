/** Short messages at the foot of the page, with a way back where there is one. */
import { signal } from "@preact/signals";
import { html } from "./html.js";
import { words } from "./messages.js";

export const SHOWN_MS = 6_000;

/** @type {import("@preact/signals").Signal<{id: number, text: string, undo?: () => void}[]>} */
const toasts = signal([]);
let last = 0;

/**
 * @param {string} text
 * @param {() => void} [undo]
 */
export function toast(text, undo) {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, undo }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

/** @param {number} id */
function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      ({ id, text, undo }) => html`<div class="toast" key=${id}>
        <span class="grow">${text}</span>
        ${undo && html`<button onClick=${() => (dismiss(id), undo())}>${words.undo}</button>`}
      </div>`,
    )}
  </div>`;
}
