/** A form in a window of its own. What is refused is said at its field, or else at the button; and what was typed stays. */
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { html } from "../common/html.js";
import { whenBack } from "../common/live.js";
import { isOfNoAnswer, words as common } from "../common/messages.js";
import { sentenceOf } from "./resource.js";

/** What is wrong with fields of the form, by their names in it. @type {import("preact").Context<Record<string, string>>} */
const Wrong = createContext({});

/**
 * @param {{title: string, verb: string, send: (said: FormData) => Promise<any>, close: () => void, children: any}} props
 *   `send` rejects with what was refused; then the window stays
 */
export function FormDialog({ title, verb, send, close, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [problem, setProblem] = useState("");
  const [wrong, setWrong] = useState(/** @type {Record<string, string>} */ ({}));
  const [isSending, setSending] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  useEffect(() => markFields(box.current, wrong), [wrong]);
  useEffect(() => whenBack(() => setProblem((old) => (isOfNoAnswer(old) ? "" : old))), []);
  const sent = async (/** @type {any} */ event) => {
    event.preventDefault();
    setSending(true);
    try {
      await send(new FormData(event.target));
      close();
    } catch (error) {
      const found = wrongIn(error, event.target);
      setWrong(found);
      setProblem(Object.keys(found).length ? "" : sentenceOf(error));
      setSending(false);
    }
  };
  const typed = (/** @type {any} */ { target: { name } }) => wrong[name] && setWrong(Object.fromEntries(Object.entries(wrong).filter(([one]) => one !== name)));
  return html`<dialog class="wide" ref=${box} aria-labelledby="form-title" onClose=${close}>
    <form class="fields" onSubmit=${sent} onInput=${typed}>
      <h2 id="form-title">${title}</h2>
      <${Wrong.Provider} value=${wrong}>${children}<//>
      <p class="problem" role="alert">${problem}</p>
      <div class="row actions"><button type="button" onClick=${() => box.current?.close()}>${common.close}</button>
        <button class="primary" disabled=${isSending}>${verb}</button></div>
    </form>
  </dialog>`;
}

/**
 * What was refused, by the fields of a form: nothing where some of it is of none that is there.
 * @param {unknown} error
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>}
 */
function wrongIn(error, form) {
  const { errors = [] } = /** @type {import("../common/api.js").ApiError} */ (error);
  /** @type {Record<string, string>} */
  const wrong = {};
  for (const { field, message } of errors) {
    const [name] = field.split(/[.[]/);
    if (!form.querySelector(`#form-${CSS.escape(name)}`)) return {};
    // Of a part of a field its place is said too.
    const said = field === name ? message : `${field.slice(name.length).replace(/^\./, "")}: ${message}`;
    wrong[name] = wrong[name] ? `${wrong[name]}; ${said}` : said;
  }
  return wrong;
}

/**
 * Mark the inputs that were refused, for who reads by ear, and lead to the first.
 * @param {HTMLElement | null} box
 * @param {Record<string, string>} wrong
 */
function markFields(box, wrong) {
  const fields = /** @type {HTMLInputElement[]} */ ([...(box?.querySelectorAll("[name]") ?? [])]);
  for (const one of fields) {
    if (!(one.name in wrong)) one.removeAttribute("aria-invalid");
    else one.setAttribute("aria-invalid", "true"), one.setAttribute("aria-describedby", `form-${one.name}-problem`);
  }
  const first = fields.find(({ name }) => name in wrong);
  if (first && !fields.some((one) => one === document.activeElement && one.name in wrong)) first.focus();
}

/**
 * Its value is only what it begins with: set as `value`, what was typed would be lost when the view behind it changes.
 * @param {{name: string, label: string, hint?: string, children?: any, type?: string, value?: any, [attribute: string]: any}} props
 *   children take the place of the input
 */
export function Field({ name, label, hint, children, value, ...input }) {
  const problem = useContext(Wrong)[name];
  return html`<div class="field">
    <label for=${`form-${name}`}>${label}</label>
    ${children ?? html`<input id=${`form-${name}`} name=${name} defaultValue=${value} ...${input} />`}
    ${problem && html`<p class="problem" id=${`form-${name}-problem`}>${problem}</p>`}
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
