/** All that is known of a job, asked for when it is opened: its other outputs, and addresses that work for an hour. */
import { signal } from "@preact/signals";
import { isStale } from "../common/addresses.js";
import { get } from "../common/api.js";
import { address } from "../common/base.js";

const KEPT = 200;

/** @typedef {import("../common/calls.js").Schemas["DetailedJobView"]} Job */

/** By the job's id. @type {import("@preact/signals").Signal<Map<number, Job>>} */
export const details = signal(new Map());
/** @type {Map<number, Promise<Job>>} */
const asking = new Map();

/**
 * @param {number} id
 * @returns {Promise<Job>} the job as the API shows it. Rejected with an ApiError
 */
export async function detailOf(id) {
  const known = knownDetail(id);
  if (known) return known;
  const asked = asking.get(id) ?? get("/api/v1/generation-jobs/{job_id}", { path: { job_id: id } }).finally(() => asking.delete(id));
  asking.set(id, asked);
  const job = await asked;
  details.value = new Map([...[...details.value].slice(-KEPT), [id, job]]);
  return job;
}

/**
 * Where an output is from now on: what is known of it no longer works.
 * @param {number} id of its job
 * @param {number} position
 * @returns {Promise<string>} rejected with an ApiError
 */
export async function renewedAddress(id, position) {
  details.value = new Map([...details.value].filter(([one]) => one !== id));
  return address((await detailOf(id)).outputs[position].url);
}

/**
 * What is known of a job, if its addresses still work.
 * @param {number} id
 */
export function knownDetail(id) {
  const known = details.value.get(id);
  return known?.outputs.some(isStale) ? undefined : known;
}

/**
 * The smallest thumbnail that is sharp at a size, or the largest there is.
 * @param {Record<string, string> | null} thumbnails by their size in pixels
 * @param {number} side in CSS pixels
 * @returns {string} its address, or nothing
 */
export function thumbnail(thumbnails, side) {
  const sizes = Object.keys(thumbnails ?? {}).map(Number).sort((one, other) => one - other);
  const wanted = side * Math.min(devicePixelRatio, 2);
  return thumbnails?.[sizes.find((size) => size >= wanted * 0.8) ?? sizes[sizes.length - 1]] ?? "";
}
