/** A picture to begin with that was made here. Another page gives it by an address, which names it and its job. */
import { signal } from "@preact/signals";
import { get } from "../../common/api.js";
import { address } from "../../common/base.js";
import { complain } from "../../common/toasts.js";
import { words } from "../messages.js";
import { change, settings, workflow } from "../form/settings.js";
import { pictureOfAsset, wholeSettingsOf } from "./picture_of_job.js";

/** @typedef {import("../../common/calls.js").Schemas["OutputView"]} Output */

/** Whether the picture of the form came just now, and is still to be shown. */
export const isGiven = signal(false);

/** Take it once: a reload begins without it. An address that names a job alone is for its settings. */
export async function takeGiven() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [id, job] = [given.get("image"), Number(given.get("job"))];
  if (!job) return;
  history.replaceState(null, "", location.pathname + location.search);
  if (!id) return takeSettings(job);
  const found = await outputOf(job, id);
  if (found) beginWith(job, found);
}

/** @param {number} id of a job that is to be made again with changes */
async function takeSettings(id) {
  try {
    const job = await get("/api/v1/generation-jobs/{job_id}", { path: { job_id: id } });
    workflow.value = job.job_type === "image" ? null : (job.workflow ?? null);
    if (job.job_type === "image") change(await wholeSettingsOf(job));
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}

/**
 * @param {number} job that made it
 * @param {Output} output that the form is to begin with
 */
export function beginWith(job, output) {
  workflow.value = null;
  isGiven.value = true;
  change({ image: pictureOf(job, output), mask: null });
}

/** Addresses that failed already: a picture whose new one fails too is not there. @type {Set<string>} */
const failed = new Set();

/**
 * Have a picture shown that could not be loaded: its signed addresses end after an hour, and the form may stay longer.
 * @param {import("../../common/job_body.js").Picture} picture
 */
export async function renewPicture({ id, job, full, isAsset }) {
  if (!(job || isAsset) || failed.has(full)) return;
  failed.add(full);
  const found = job ? await outputOf(job, id) : await pictureOfAsset(id).catch(() => complain(words.pictureGone));
  // Another one may have been chosen meanwhile.
  if (found && settings.value.image?.id === id) change({ image: job ? pictureOf(job, /** @type {Output} */ (found)) : /** @type {any} */ (found) });
}

/**
 * @param {number} job
 * @param {string} id of one of its outputs
 * @returns {Promise<Output | undefined>} said where it is not there
 */
async function outputOf(job, id) {
  try {
    const { outputs } = await get("/api/v1/generation-jobs/{job_id}", { path: { job_id: job } });
    const found = outputs.find((one) => one.id === id);
    if (!found) complain(words.pictureGone);
    return found;
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}

/**
 * @param {number} job
 * @param {Output} output
 */
const pictureOf = (job, { id, filename, thumbnails, url }) => ({ id, job, name: filename, url: address(thumbnails["300"] ?? url), full: address(url) });
