/** The form: what the picture shows, with which model, how large, and the rest for who wants it. */
import { html } from "../../common/html.js";
import { numberOf } from "../../common/numbers.js";
import { choices, loadMore } from "./choices.js";
import { Choice, Field, marks, NumberField, problemOf } from "./fields.js";
import { jobs } from "../results/jobs.js";
import { InputPicture } from "../input/input_picture.js";
import { Loras } from "./loras.js";
import { SIZES, words } from "../messages.js";
import { change, OF_NONE, settings } from "./settings.js";
import { isSending, sendByKeys, submit } from "./submit.js";
import { WorkflowBox } from "../workflow/workflow_box.js";

const LARGEST_SEED = 2 ** 48;

/** @param {any} event */
function sent(event) {
  event.preventDefault();
  void submit();
}

export function Form() {
  const { prompt, negative, checkpoint } = settings.value;
  const { checkpoints } = choices.value;
  return html`<form class="form" noValidate onSubmit=${sent} onKeyDown=${sendByKeys}>
    <${Field} name="prompt" label=${words.prompt}>
      <textarea ...${marks("prompt")} rows="4" maxlength="20000" placeholder=${words.promptHint} value=${prompt}
        onInput=${(/** @type {any} */ event) => change({ prompt: event.target.value })}></textarea>
    <//>
    <${Examples} />
    <${Field} name="negative" label=${words.negative} of="negative_prompt">
      <textarea ...${marks("negative", "negative_prompt")} rows="2" maxlength="20000" placeholder=${words.negativeHint} value=${negative}
        onInput=${(/** @type {any} */ event) => change({ negative: event.target.value })}></textarea>
    <//>
    ${checkpoints.length
      ? html`<${Choice} name="checkpoint" of="checkpoint_model" label=${words.checkpoint} value=${checkpoint} options=${checkpoints} set=${(/** @type {string} */ one) => change({ checkpoint: one })} />`
      : html`<p class="problem" role="alert">${words.noCheckpoint}</p>`}
    <${Size} />
    <${InputPicture} />
    <details onToggle=${opened}>
      <summary>${words.more}</summary>
      <div class="more"><${Sampling} /><${Loras} /><${WorkflowBox} /></div>
    </details>
    <div class="send"><${Send} /></div>
  </form>`;
}

/** For who has made nothing yet, and does not know what to write. */
function Examples() {
  if (jobs.value.length) return null;
  const take = (/** @type {string} */ prompt) => (change({ prompt }), document.getElementById("prompt")?.focus());
  return html`<div class="examples" role="group" aria-label=${words.examplesTitle}><span class="soft">${words.examplesTitle}</span>
    ${words.examples.map((one) => html`<button type="button" class="chip" key=${one} onClick=${() => take(one)}>${one}</button>`)}
  </div>`;
}

/** Show what was opened: in a low window it would stand below the button. @param {any} event */
function opened({ target }) {
  if (!target.open) return;
  void loadMore();
  const box = target.closest(".controls");
  const isScrolled = getComputedStyle(box).overflowY === "auto"; // by itself, and else with the page
  if (isScrolled) box.scrollBy({ top: target.getBoundingClientRect().top - box.getBoundingClientRect().top, behavior: "smooth" });
  else target.scrollIntoView({ block: "start", behavior: "smooth" });
}

export function Send() {
  const ready = settings.value.prompt.trim() && choices.value.checkpoints.length;
  return html`${problemOf(OF_NONE) && html`<p class="problem" role="alert">${problemOf(OF_NONE)}</p>`}
    <button class="primary" type="submit" disabled=${isSending.value || !ready}>${isSending.value ? words.making : words.make} <kbd>Ctrl ⏎</kbd></button>`;
}

function Size() {
  const { width, height, batch } = settings.value;
  return html`<fieldset>
    <legend class="label">${words.size}</legend>
    <div class="sizes">
      ${SIZES.map(
        (one) => html`<button type="button" key=${one.name} aria-pressed=${one.width === width && one.height === height}
          onClick=${() => change({ width: one.width, height: one.height })}>${one.name}</button>`,
      )}
    </div>
    <div class="row">
      <${NumberField} name="width" label=${words.width} value=${width} min="64" max="2048" step="8" set=${(/** @type {number} */ one) => change({ width: one })} />
      <button type="button" class="icon swap" title=${words.swap} aria-label=${words.swap} onClick=${() => change({ width: height, height: width })}>⇄</button>
      <${NumberField} name="height" label=${words.height} value=${height} min="64" max="2048" step="8" set=${(/** @type {number} */ one) => change({ height: one })} />
      <${NumberField} name="batch" of="batch_size" label=${words.batch} value=${batch} min="1" max="8" set=${(/** @type {number} */ one) => change({ batch: one })} />
    </div>
  </fieldset>`;
}

function Sampling() {
  const { steps, cfg, sampler, scheduler } = settings.value;
  const { samplers, schedulers } = choices.value;
  return html`<div class="row">
      <${NumberField} name="steps" of="sampler_params.steps" label=${words.steps} value=${steps} min="1" max="150" set=${(/** @type {number} */ one) => change({ steps: one })} />
      <${NumberField} name="cfg" of="sampler_params.cfg" label=${words.cfg} value=${cfg} min="0" max="30" step="0.1" set=${(/** @type {number} */ one) => change({ cfg: one })} />
    </div>
    <div class="row">
      <${Choice} name="sampler" of="sampler_params.sampler_name" label=${words.sampler} value=${sampler} options=${samplers} set=${(/** @type {string} */ one) => change({ sampler: one })} />
      <${Choice} name="scheduler" of="sampler_params.scheduler" label=${words.scheduler} value=${scheduler} options=${schedulers} set=${(/** @type {string} */ one) => change({ scheduler: one })} />
    </div>
    <${Seed} />`;
}

function Seed() {
  const { seed, keepsSeed } = settings.value;
  const typed = (/** @type {any} */ event) => change({ seed: event.target.value === "" ? null : numberOf(event.target.value), keepsSeed: event.target.value !== "" });
  const lock = () => change(keepsSeed ? { seed: null, keepsSeed: false } : { seed: seed ?? Math.floor(Math.random() * LARGEST_SEED), keepsSeed: true });
  return html`<div class="row end">
    <${Field} name="seed" label=${words.seed} of="sampler_params.seed">
      <input ...${marks("seed", "sampler_params.seed")} type="number" min="0" value=${seed ?? ""} placeholder=${words.seedHint} onInput=${typed} />
    <//>
    <button type="button" aria-pressed=${keepsSeed} onClick=${lock}>${words.lockSeed}</button>
  </div>`;
}
