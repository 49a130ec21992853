/** Small pictures beside words. Who reads by ear hears the words alone. */
import { html } from "./html.js";

const PATHS = {
  pin: "M9 3h6l-1 6 4 4v2h-5v6h-2v-6H6v-2l4-4z",
  play: "M7 4l13 8-13 8z",
  sound: "M3 9v6h4l6 5V4L7 9zM16 8v8l4-4z",
  file: "M5 2h9l5 5v15H5zM13 3v5h5z",
  stack: "M3 7h13v14H3zM7 3h14v14h-3V6H7z",
};

/** Ours, as it is in `icon.svg`: drawn here, it is no request more. @param {{side: number}} props */
export function Logo({ side }) {
  return html`<svg viewBox="0 0 32 32" width=${side} height=${side} aria-hidden="true"><rect width="32" height="32" rx="8" fill="#5b5bd6" />
    <path d="M22 11.5a7 7 0 1 0 1 6.5h-6" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" /></svg>`;
}

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name }) {
  return html`<svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true" fill="currentColor"><path d=${PATHS[name]} /></svg>`;
}
