/** A form in a window of its own. What is refused is said in it, and what was typed stays. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../common/html.js";
import { whenBack } from "../common/live.js";
import { isOfNoAnswer, words as common } from "../common/messages.js";
import { sentenceOf } from "./resource.js";

/**
 * @param {{title: string, verb: string, send: (said: FormData) => Promise<any>, close: () => void, children: any}} props
 *   `send` rejects with what was refused; then the window stays
 */
export function FormDialog({ title, verb, send, close, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  useEffect(() => whenBack(() => setProblem((old) => (isOfNoAnswer(old) ? "" : old))), []);
  const sent = async (/** @type {any} */ event) => {
    event.preventDefault();
    setSending(true);
    try {
      await send(new FormData(event.target));
      close();
    } catch (error) {
      setProblem(sentenceOf(error));
      setSending(false);
    }
  };
  return html`<dialog class="wide" ref=${box} aria-labelledby="form-title" onClose=${close}>
    <form class="fields" onSubmit=${sent}>
      <h2 id="form-title">${title}</h2>
      ${children}
      <p class="problem" role="alert">${problem}</p>
      <div class="row actions"><button type="button" onClick=${() => box.current?.close()}>${common.close}</button>
        <button class="primary" disabled=${isSending}>${verb}</button></div>
    </form>
  </dialog>`;
}

/**
 * Its value is only what it begins with: set as `value`, what was typed would be lost when the view behind it changes.
 * @param {{name: string, label: string, hint?: string, children?: any, type?: string, value?: any, [attribute: string]: any}} props
 *   children take the place of the input
 */
export function Field({ name, label, hint, children, value, ...input }) {
  return html`<div class="field">
    <label for=${`form-${name}`}>${label}</label>
    ${children ?? html`<input id=${`form-${name}`} name=${name} defaultValue=${value} ...${input} />`}
    ${hint && html`<p class="soft small">${hint}</p>`}
  </div>`;
}

/** @param {{name: string, label: string, value: string, options: Record<string, string>, onChange?: (value: string) => void}} props */
export function Choice({ name, label, value, options, onChange }) {
  return html`<${Field} name=${name} label=${label}>
    <select id=${`form-${name}`} name=${name} onChange=${(/** @type {any} */ event) => onChange?.(event.target.value)}>
      ${Object.entries(options).map(([one, said]) => html`<option key=${one} value=${one} selected=${one === value}>${said}</option>`)}
    </select>
  <//>`;
}
