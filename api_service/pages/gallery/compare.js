/** Two pictures side by side, and what was different when they were made. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address } from "../common/base.js";
import { html } from "../common/html.js";
import { keepPlaying } from "../common/media.js";
import { words as common } from "../common/messages.js";
import { at } from "../common/texts.js";
import { complain } from "../common/toasts.js";
import { detailOf, renewedAddress } from "./details.js";
import { words } from "./messages.js";

/** @typedef {import("./details.js").Job} Job */

const NOTHING = "–";

/** @type {import("@preact/signals").Signal<Job[]>} */
const pair = signal([]);

/**
 * @param {number} one
 * @param {number} other
 */
export async function compare(one, other) {
  try {
    pair.value = await Promise.all([detailOf(one), detailOf(other)]);
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}

export function Compare() {
  return pair.value.length === 2 && html`<${Dialog} jobs=${pair.value} />`;
}

/** @param {{jobs: Job[]}} props */
function Dialog({ jobs }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    box.current?.showModal();
    // What takes the focus by itself may be below the pictures, and is scrolled to.
    box.current?.focus({ preventScroll: true });
    box.current?.scrollTo(0, 0);
  }, []);
  const different = differences(jobs[0], jobs[1]);
  return html`<dialog class="compare" ref=${box} tabindex="-1" aria-label=${words.compare} onClose=${() => (pair.value = [])}>
    <div class="sides">${jobs.map((job) => html`<${Side} key=${job.id} job=${job} />`)}</div>
    ${different.length
      ? html`<div class="scroll" tabindex="0" role="region" aria-label=${words.differences}><table><tbody>
          ${different.map(([name, one, other]) => html`<tr key=${name}><th scope="row">${words.fields[name]}</th><td>${one}</td><td>${other}</td></tr>`)}
        </tbody></table></div>`
      : html`<p class="soft">${words.same}</p>`}
    <div class="actions"><button class="primary" onClick=${() => box.current?.close()}>${common.close}</button></div>
  </dialog>`;
}

/** @param {{job: Job}} props */
function Side({ job }) {
  const output = job.outputs[0];
  const what = job.prompt ?? "";
  const film = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    if (film.current) keepPlaying(film.current, () => renewedAddress(job.id, 0));
  }, []);
  if (output?.kind === "image") return html`<figure><img src=${address(output.url)} alt=${what} width=${output.width} height=${output.height} /></figure>`;
  if (output?.kind === "video") return html`<figure><video ref=${film} src=${address(output.url)} controls loop playsinline aria-label=${what}></video></figure>`;
  return html`<figure class="soft">${output ? (words.kinds[output.kind] ?? output.kind) : words.noFile}</figure>`;
}

/**
 * @param {Job} one
 * @param {Job} other
 * @returns {string[][]} the name of each field that differs, and both values
 */
export function differences(one, other) {
  const [left, right] = [saidOf(one), saidOf(other)];
  return Object.keys(words.fields).filter((name) => left[name] !== right[name]).map((name) => [name, left[name], right[name]]);
}

/**
 * @param {Job} job
 * @returns {Record<string, string>}
 */
function saidOf(job) {
  const loras = (job.lora_models ?? []).map((/** @type {any} */ lora) => `${lora.name} ${lora.strength_model}`).join(", ");
  /** @type {Record<string, unknown>} */
  const all = { ...job, ...job.sampler_params, lora_models: loras, created_at: at(job.created_at) };
  return Object.fromEntries(Object.keys(words.fields).map((name) => [name, all[name] === "" ? NOTHING : String(all[name] ?? NOTHING)]));
}
