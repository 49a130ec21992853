/** What the form is set to, as the body of a job. */
import { store, stored } from "./storage.js";

const KEY = "studio";

/**
 * @typedef {{name: string, strength: number}} Lora
 * @typedef {{id: string, name: string, url: string, full: string, job?: number, isAsset?: boolean, file?: string}} Picture
 *   `url` is of a small one, and empty of a `file` that the servers have by that name; `job` made it, if it was made here
 * @typedef {{id: string, url: string, strokes: import("../studio/input/mask/strokes.js").Stroke[], file?: string, areas?: "white" | "transparent"}} Mask
 *   without strokes it is one of another job
 * @typedef {Object} Settings
 * @property {string} prompt
 * @property {string} negative
 * @property {string} checkpoint
 * @property {Lora[]} loras
 * @property {number} width
 * @property {number} height
 * @property {number} batch
 * @property {number | bigint | null} seed
 * @property {boolean} keepsSeed
 * @property {string} sampler
 * @property {string} scheduler
 * @property {number} steps
 * @property {number} cfg
 * @property {Picture | null} image
 * @property {Mask | null} mask
 * @property {number} denoise
 */

/** @type {Settings} */
export const USUAL = {
  prompt: "", negative: "", checkpoint: "", loras: [], width: 832, height: 1216, batch: 1, seed: null,
  keepsSeed: false, sampler: "euler", scheduler: "normal", steps: 28, cfg: 5.5, image: null, mask: null, denoise: 0.6,
};

/** What the studio was set to last, in this browser. @returns {Settings} */
export const lastSettings = () => ({ ...USUAL, ...stored(KEY, {}) });

/** Pictures to begin with are not kept. @param {Settings} settings */
export const keepSettings = (settings) => store(KEY, { ...settings, image: null, mask: null });

/**
 * The body of a job as the API takes it.
 * @param {Settings} from
 * @returns {import("./calls.js").Schemas["TypedJob"]}
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
    sampler_params: from.seed === null ? sampler : { ...sampler, seed: /** @type {number} the document knows no bigints */ (from.seed) },
    params: { previews: true },
    ...(from.image && { image: reference(from.image), denoise: from.denoise, ...(from.mask && maskIn(from.mask)) }),
  };
}

/** @param {Mask} mask */
const maskIn = (mask) => ({ mask: reference(mask), ...(mask.areas && { mask_areas: mask.areas }) });

/**
 * @param {{id: string, file?: string}} given `id` is of an asset, or of an output, which becomes one
 * @returns {any} the document has it as an object of whatever is in it
 */
const reference = ({ id, file }) => file ?? { __type: "core/ASSET", info: { id } };
