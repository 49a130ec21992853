/** Short messages at the foot of the page, with a way back where there is one; and the one region that screen readers follow. */
import { signal } from "@preact/signals";
import { html } from "./html.js";
import { isOfNoAnswer, words } from "./messages.js";

const SHOWN_MS = 6_000;
const TICK_MS = 250;
const MOST_PROBLEMS = 3;

/** @typedef {{id: number, text: string, undo?: () => void, ended?: () => void, isHeardOnly?: boolean, isProblem?: boolean}} Message */

/** @type {import("@preact/signals").Signal<Message[]>} */
const messages = signal([]);
/** For how long each is still shown, in milliseconds. Problems are not in it: they stay. @type {Map<number, number>} */
const left = new Map();
/** Whether somebody is at them, and needs time. */
let isHeld = false;
let timer = 0;
let last = 0;

/**
 * @param {string} text
 * @param {{undo?: () => void, ended?: () => void}} [way] back; `ended` hears that it was not taken
 */
export function toast(text, way = {}) {
  // Said again, it is not said twice.
  if (!way.undo) for (const one of messages.value) if (one.text === text && !one.undo && !one.isProblem && !one.isHeardOnly) take(one.id);
  add({ id: ++last, text, ...way });
}

/** What went wrong was put right: it need not be said any longer. */
export function settle() {
  messages.value = messages.value.filter((one) => !one.isProblem);
}

/**
 * Say what went wrong. It stays until it is closed, or settled.
 * @param {string} text
 */
export function complain(text) {
  const others = messages.value.filter((one) => one.isProblem && one.text !== text).slice(1 - MOST_PROBLEMS);
  messages.value = messages.value.filter((one) => !one.isProblem || others.includes(one));
  add({ id: ++last, text, isProblem: true });
}

/**
 * Say something to screen readers alone: others see it happen.
 * @param {string} text
 */
export function announce(text) {
  add({ id: ++last, text, isHeardOnly: true });
}

/** Somebody answers again. */
export function settleNoAnswer() {
  messages.value = messages.value.filter((one) => !(one.isProblem && isOfNoAnswer(one.text)));
}

/** @param {Message} message */
function add(message) {
  messages.value = [...messages.value, message];
  if (message.isProblem) return;
  left.set(message.id, SHOWN_MS);
  timer ||= window.setInterval(tick, TICK_MS);
}

function tick() {
  if (isHeld) return;
  for (const [id, time] of left) {
    if (time > TICK_MS) left.set(id, time - TICK_MS);
    else take(id)?.ended?.();
  }
  if (left.size) return;
  clearInterval(timer);
  timer = 0;
}

/**
 * @param {number} id
 * @returns {Message | undefined} the one that is gone now
 */
function take(id) {
  const taken = messages.value.find((one) => one.id === id);
  left.delete(id);
  messages.value = messages.value.filter((one) => one.id !== id);
  return taken;
}

/** Who presses a button leaves it with that, as it goes. @param {number} id */
function takeBack(id) {
  isHeld = false;
  take(id)?.undo?.();
}

const hold = (/** @type {boolean} */ is) => () => (isHeld = is);

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite" onMouseEnter=${hold(true)} onMouseLeave=${hold(false)} onFocusIn=${hold(true)} onFocusOut=${hold(false)}>
    ${messages.value.map(
      ({ id, text, undo, isHeardOnly, isProblem }) => html`<div class=${isHeardOnly ? "hidden" : isProblem ? "toast problem-toast" : "toast"} key=${id}>
        <span class="grow">${text}</span>
        ${undo && html`<button onClick=${() => takeBack(id)}>${words.undo}</button>`}
        ${isProblem && html`<button class="icon" aria-label=${words.close} title=${words.close} onClick=${() => takeBack(id)}>×</button>`}
      </div>`,
    )}
  </div>`;
}
