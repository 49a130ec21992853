/** Deletes once the time to undo it is over, or when the page is left. Until then nothing has happened. */
import { ApiError, post, remove } from "../common/api.js";
import { complain, toast } from "../common/toasts.js";
import { words } from "./messages.js";
import { forget, removed } from "./pictures.js";

const ONE_BY_ONE = 10; // more are one task
const MOST = 10_000; // ids that a task takes

/** @typedef {{ids: number[]}} Deletion */
/** @type {Set<Deletion>} */
const waiting = new Set();

/** @param {number[]} asked those of them that are being deleted already are left out */
export function removeWithUndo(asked) {
  const ids = asked.filter((id) => !removed.value.has(id));
  if (!ids.length) return;
  removed.value = new Set([...removed.value, ...ids]);
  const deletion = { ids };
  waiting.add(deletion);
  toast(words.removed(ids.length), { undo: () => waiting.delete(deletion) && show(ids), ended: () => void send(deletion) });
}

export function deleteWhenLeft() {
  addEventListener("pagehide", () => waiting.forEach((deletion) => void send(deletion)));
}

/** @param {Deletion} deletion */
async function send(deletion) {
  const { ids } = deletion;
  if (!waiting.delete(deletion)) return;
  const failed = ids.length > ONE_BY_ONE ? await byTask(ids) : await oneByOne(ids);
  forget(ids.filter((id) => !failed.includes(id)));
  show(ids);
}

/**
 * @param {number[]} ids
 * @returns {Promise<number[]>} those that are still there
 */
async function oneByOne(ids) {
  const failed = await Promise.all(ids.map((id) => remove("/api/v1/generation-jobs/{job_id}", { path: { job_id: id } }).then(() => [], (error) => refused(error, [id]))));
  return failed.flat();
}

/**
 * @param {number[]} ids
 * @returns {Promise<number[]>} those that are still there
 */
async function byTask(ids) {
  /** @type {number[]} */
  const failed = [];
  for (let from = 0; from < ids.length; from += MOST) {
    const some = ids.slice(from, from + MOST);
    await post("/api/v1/tasks", { body: { kind: "delete_jobs", ids: some } }).catch((error) => failed.push(...refused(error, some)));
  }
  return failed;
}

/**
 * @param {ApiError} error
 * @param {number[]} ids
 */
function refused(error, ids) {
  if (error.status === 404) return [];
  complain(`${words.notRemoved} ${error.message}`);
  return ids;
}

/** @param {number[]} ids */
function show(ids) {
  const back = new Set(ids);
  removed.value = new Set([...removed.value].filter((id) => !back.has(id)));
}
