/** Asks before something is done that cannot be undone. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "../common/html.js";
import { words as common } from "../common/messages.js";
import { words } from "./messages.js";

/** @type {import("@preact/signals").Signal<{text: string, verb: string, answer: (is: boolean) => void} | null>} */
const asked = signal(null);

/**
 * @param {string} text
 * @param {string} verb what the button says that does it
 * @returns {Promise<boolean>}
 */
export function really(text, verb) {
  return new Promise((answer) => {
    asked.value = { text, verb, answer };
  });
}

export function Question() {
  return asked.value && html`<${Dialog} ...${asked.value} />`;
}

/** @param {{text: string, verb: string, answer: (is: boolean) => void}} props */
function Dialog({ text, verb, answer }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => box.current?.showModal(), []);
  const closed = () => {
    asked.value = null;
    answer(box.current?.returnValue === "yes");
  };
  return html`<dialog ref=${box} aria-labelledby="question" onClose=${closed}>
    <form method="dialog">
      <h2 id="question">${words.reallyTitle}</h2>
      <p>${text}</p>
      <div class="row actions"><button value="no">${common.close}</button><button class="danger" value="yes">${verb}</button></div>
    </form>
  </dialog>`;
}
