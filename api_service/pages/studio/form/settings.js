/** What the form is set to. It survives a reload. */
import { effect, signal } from "@preact/signals";
import { keepSettings, lastSettings, USUAL } from "../../common/job_body.js";

/** @typedef {import("../../common/job_body.js").Settings} Settings */

/** @type {import("@preact/signals").Signal<Settings>} */
export const settings = signal(lastSettings());
/** A workflow that takes the place of the form. @type {import("@preact/signals").Signal<Record<string, any> | null>} */
export const workflow = signal(null);
/** The picture that the workflow was in: somebody may rather begin with that. @type {import("@preact/signals").Signal<File | null>} */
export const pictureOfWorkflow = signal(null);
/** In the place of a field: what is wrong with the whole. */
export const OF_NONE = "";
/** Sentences at fields, by the name of the field in the API. @type {import("@preact/signals").Signal<Record<string, string>>} */
export const problems = signal({});

effect(() => keepSettings(settings.value));

/** How the API calls a setting, where its name is another. @type {Record<string, string>} */
const FIELDS = {
  negative: "negative_prompt", checkpoint: "checkpoint_model", loras: "lora_models", batch: "batch_size", seed: "sampler_params.seed",
  sampler: "sampler_params.sampler_name", scheduler: "sampler_params.scheduler", steps: "sampler_params.steps", cfg: "sampler_params.cfg",
};

/** @param {Partial<Settings>} changes what was wrong with a field may not be, once it is another */
export function change(changes) {
  settings.value = { ...settings.value, ...changes };
  for (const name of Object.keys(changes)) settleField(FIELDS[name] ?? name);
}

/** Whether a sentence is of a field, or of a part of it. @type {(name: string, field: string) => boolean} */
export const isOf = (name, field) => name === field || (field !== OF_NONE && name.startsWith(`${field}.`));

/**
 * Say no longer what was wrong with a field.
 * @param {string} field as the API calls it
 */
export function settleField(field) {
  const others = Object.entries(problems.value).filter(([name]) => !isOf(name, field));
  if (others.length < Object.keys(problems.value).length) problems.value = Object.fromEntries(others);
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
