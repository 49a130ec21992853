/** Fields of the form, each with its label and what was wrong with it. */
import { html } from "../../common/html.js";
import { isOf, problems } from "./settings.js";

/**
 * @param {{name: string, label: string, children: any, of?: string}} props `of` is the field's name in the API
 */
export function Field({ name, label, children, of = name }) {
  const problem = problemOf(of);
  return html`<div class="field">
    <label for=${name}>${label}</label>
    ${children}
    ${problem && html`<p class="problem" id="${name}-problem">${problem}</p>`}
  </div>`;
}

/**
 * What every input has: its name, and whether it was refused.
 * @param {string} name
 * @param {string} [of]
 */
export function marks(name, of = name) {
  const wrong = problemOf(of);
  return { id: name, name, "aria-invalid": wrong ? "true" : undefined, "aria-describedby": wrong ? `${name}-problem` : undefined };
}

/** What was wrong with a field, or with a part of it. @param {string} field */
export const problemOf = (field) => Object.entries(problems.value).find(([name]) => isOf(name, field))?.[1];

/**
 * @param {{name: string, label: string, value: number, min: number, max: number, step?: number, of?: string, set: (value: number) => void}} props
 */
export function NumberField({ name, label, value, min, max, step = 1, of = name, set }) {
  const typed = (/** @type {any} */ event) => event.target.value !== "" && set(Number(event.target.value));
  return html`<${Field} name=${name} label=${label} of=${of}>
    <input ...${marks(name, of)} type="number" value=${value} min=${min} max=${max} step=${step} inputmode="decimal" onInput=${typed} />
  <//>`;
}

/**
 * @param {{name: string, label: string, value: string, options: string[], of?: string, set: (value: string) => void}} props
 */
export function Choice({ name, label, value, options, of = name, set }) {
  const all = options.includes(value) || !value ? options : [value, ...options];
  return html`<${Field} name=${name} label=${label} of=${of}>
    <select ...${marks(name, of)} value=${value} onChange=${(/** @type {any} */ event) => set(event.target.value)}>
      ${all.map((one) => html`<option key=${one} value=${one}>${one.replace(/\.(safetensors|ckpt|pt|gguf)$/, "")}</option>`)}
    </select>
  <//>`;
}
