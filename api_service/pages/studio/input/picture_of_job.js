/** The picture and the mask that a job began with, so that the form begins with them too. */
import { ApiError, get } from "../../common/api.js";
import { address } from "../../common/base.js";
import { complain } from "../../common/toasts.js";
import { settingsOf } from "../form/settings.js";
import { words } from "../messages.js";

/** @typedef {import("../../common/job_body.js").Picture} Picture */
/** @typedef {import("../../common/job_body.js").Mask} Mask */

const NOT_THERE = 404;

/**
 * All that a job was made with, as far as the form has it. What is not there any more is said.
 * @param {any} job as the API shows it
 */
export async function wholeSettingsOf(job) {
  const settings = settingsOf(job);
  const image = await pictureOf(job);
  if (!image) return settings;
  return { ...settings, image, mask: await maskOf(job), denoise: job.sampler_params?.denoise ?? 1 };
}

/** @param {any} job @returns {Promise<Picture | null>} */
async function pictureOf(job) {
  const given = job.params?.image;
  if (!given) return null;
  const id = job.assets?.image?.image;
  // A file of the servers' own has a name and nothing to show.
  return id ? shownAsset(id, words.inputGone, words.inputUnknown) : { id: "", name: given, url: "", full: "", file: given };
}

/** @param {any} job @returns {Promise<Mask | null>} */
async function maskOf(job) {
  const { mask: given, mask_areas: areas } = job.params;
  if (!given) return null;
  const id = job.assets?.mask?.image;
  const found = id ? await shownAsset(id, words.maskGone, words.maskUnknown) : { id: "", url: "", file: given };
  return found && { id: found.id, url: found.url, strokes: [], file: found.file, areas: areas ?? undefined };
}

/**
 * @param {string} id
 * @param {string} gone what is said where it was deleted
 * @param {(why: string) => string} unknown what is said where it could not be asked for
 * @returns {Promise<Picture | null>}
 */
async function shownAsset(id, gone, unknown) {
  try {
    return await pictureOfAsset(id);
  } catch (error) {
    const { status, message } = /** @type {ApiError} */ (error);
    complain(status === NOT_THERE ? gone : unknown(message));
    return null;
  }
}

/**
 * @param {string} id of an asset
 * @returns {Promise<Picture>} Rejected with an ApiError
 */
export async function pictureOfAsset(id) {
  const { name, url } = await get("/api/v1/assets/{asset_id}", { path: { asset_id: id } });
  return { id, name, url: address(url), full: address(url), isAsset: true };
}
