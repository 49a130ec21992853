/** Styles that change a model, each with its strength. */
import { html } from "../../common/html.js";
import { choices } from "./choices.js";
import { Choice, NumberField } from "./fields.js";
import { words } from "../messages.js";
import { change, settings } from "./settings.js";

const MOST = 32;

export function Loras() {
  const { loras } = settings.value;
  const names = choices.value.loras;
  if (!names.length && !loras.length) return null;
  const set = (/** @type {number} */ index, /** @type {any} */ changes) =>
    change({ loras: loras.map((one, place) => (place === index ? { ...one, ...changes } : one)) });
  return html`<fieldset>
    <legend class="label">${words.loras}</legend>
    ${loras.map(
      (one, index) => html`<div class="row end" key=${index}>
        <${Choice} name="lora-${index}" of="lora_models[${index}]" label=${words.lora(index + 1)} value=${one.name} options=${names} set=${(/** @type {string} */ name) => set(index, { name })} />
        <${NumberField} name="strength-${index}" of="lora_models[${index}].strength_model" label=${words.strength(index + 1)} value=${one.strength} min="-10" max="10" step="0.05" set=${(/** @type {number} */ strength) => set(index, { strength })} />
        <button type="button" class="quiet icon" aria-label=${words.removeLora(index + 1)} title=${words.removeIt} onClick=${() => change({ loras: loras.filter((_, place) => place !== index) })}>×</button>
      </div>`,
    )}
    ${loras.length < MOST && names.length > 0 && html`<button type="button" onClick=${() => change({ loras: [...loras, { name: names[0], strength: 0.8 }] })}>${words.addLora}</button>`}
  </fieldset>`;
}
