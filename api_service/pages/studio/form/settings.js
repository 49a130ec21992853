/** What the form is set to. It survives a reload. */
import { effect, signal } from "@preact/signals";
import { keepSettings, lastSettings, USUAL } from "../../common/job_body.js";

/** @typedef {import("../../common/job_body.js").Settings} Settings */

/** @type {import("@preact/signals").Signal<Settings>} */
export const settings = signal(lastSettings());
/** A workflow that takes the place of the form. @type {import("@preact/signals").Signal<Record<string, any> | null>} */
export const workflow = signal(null);
/** In the place of a field: what is wrong with the whole. */
export const OF_NONE = "";
/** Sentences at fields, by the name of the field in the API. @type {import("@preact/signals").Signal<Record<string, string>>} */
export const problems = signal({});

effect(() => keepSettings(settings.value));

/** @param {Partial<Settings>} changes */
export function change(changes) {
  settings.value = { ...settings.value, ...changes };
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
    mask: null,
  };
}
