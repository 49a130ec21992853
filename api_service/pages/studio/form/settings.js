/** What the form is set to. It survives a reload. */
import { effect, signal } from "@preact/signals";
import { stored, store } from "../../common/storage.js";

/**
 * @typedef {{name: string, strength: number}} Lora
 * @typedef {{id: string, name: string, url: string}} Picture
 * @typedef {Object} Settings
 * @property {string} prompt
 * @property {string} negative
 * @property {string} checkpoint
 * @property {Lora[]} loras
 * @property {number} width
 * @property {number} height
 * @property {number} batch
 * @property {number | null} seed
 * @property {boolean} keepsSeed
 * @property {string} sampler
 * @property {string} scheduler
 * @property {number} steps
 * @property {number} cfg
 * @property {Picture | null} image
 * @property {number} denoise
 */

/** @type {Settings} */
export const USUAL = {
  prompt: "", negative: "", checkpoint: "", loras: [], width: 832, height: 1216, batch: 1, seed: null,
  keepsSeed: false, sampler: "euler", scheduler: "normal", steps: 28, cfg: 5.5, image: null, denoise: 0.6,
};

/** @type {import("@preact/signals").Signal<Settings>} */
export const settings = signal({ ...USUAL, ...stored("studio", {}) });
/** A workflow that takes the place of the form. @type {import("@preact/signals").Signal<Record<string, any> | null>} */
export const workflow = signal(null);
/** Sentences at fields, by the name of the field in the API. @type {import("@preact/signals").Signal<Record<string, string>>} */
export const problems = signal({});

effect(() => store("studio", { ...settings.value, image: null }));

/** @param {Partial<Settings>} changes */
export function change(changes) {
  settings.value = { ...settings.value, ...changes };
}

/**
 * The body of a job as the API takes it.
 * @param {Settings} from
 */
export function bodyOf(from) {
  const sampler = { steps: from.steps, cfg: from.cfg, sampler_name: from.sampler, scheduler: from.scheduler };
  return {
    prompt: from.prompt.trim(),
    ...(from.negative.trim() && { negative_prompt: from.negative.trim() }),
    checkpoint_model: from.checkpoint,
    lora_models: from.loras.map(({ name, strength }) => ({ name, strength_model: strength, strength_clip: strength })),
    width: from.width,
    height: from.height,
    batch_size: from.batch,
    sampler_params: from.seed === null ? sampler : { ...sampler, seed: from.seed },
    params: { previews: true },
    ...(from.image && { image: from.image.id, denoise: from.denoise }),
  };
}

/**
 * The settings that a job was made with, as far as the form has them.
 * @param {any} job as the API shows it
 */
export function settingsOf(job) {
  const sampler = job.sampler_params ?? {};
  return {
    prompt: job.prompt ?? "",
    negative: job.negative_prompt ?? "",
    checkpoint: job.checkpoint_model ?? settings.value.checkpoint,
    loras: (job.lora_models ?? []).map((/** @type {any} */ one) => ({ name: one.name, strength: one.strength_model })),
    width: job.width ?? USUAL.width,
    height: job.height ?? USUAL.height,
    batch: job.batch_size ?? 1,
    seed: sampler.seed ?? null,
    keepsSeed: true,
    sampler: sampler.sampler_name ?? USUAL.sampler,
    scheduler: sampler.scheduler ?? USUAL.scheduler,
    steps: sampler.steps ?? USUAL.steps,
    cfg: sampler.cfg ?? USUAL.cfg,
    image: null,
  };
}
