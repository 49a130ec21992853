/** A picture to begin with that was made here. Another page gives it by an address, which names it and its job. */
import { get } from "../../common/api.js";
import { address } from "../../common/base.js";
import { toast } from "../../common/toasts.js";
import { words } from "../messages.js";
import { change, settings, workflow } from "../form/settings.js";

/** @typedef {import("../../common/calls.js").Schemas["OutputView"]} Output */

/** Take it once: a reload begins without it. */
export async function takeGivenPicture() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [id, job] = [given.get("image"), Number(given.get("job"))];
  if (!id || !job) return;
  history.replaceState(null, "", location.pathname + location.search);
  const found = await outputOf(job, id);
  if (found) beginWith(job, found);
}

/**
 * @param {number} job that made it
 * @param {Output} output that the form is to begin with
 */
export function beginWith(job, output) {
  workflow.value = null;
  change({ image: pictureOf(job, output), mask: null });
}

/** Addresses that failed already: a picture whose new one fails too is not there. @type {Set<string>} */
const failed = new Set();

/**
 * Have a picture shown that could not be loaded: its signed addresses end after an hour, and the form may stay longer.
 * @param {import("../../common/job_body.js").Picture} picture
 */
export async function renewPicture({ id, job, full }) {
  if (!job || failed.has(full)) return;
  failed.add(full);
  const found = await outputOf(job, id);
  // Another one may have been chosen meanwhile.
  if (found && settings.value.image?.id === id) change({ image: pictureOf(job, found) });
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
    if (!found) toast(words.pictureGone);
    return found;
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
  }
}

/**
 * @param {number} job
 * @param {Output} output
 */
const pictureOf = (job, { id, filename, thumbnails, url }) => ({ id, job, name: filename, url: address(thumbnails["300"] ?? url), full: address(url) });
