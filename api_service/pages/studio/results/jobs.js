/** The jobs of this page: the last ones, and each that is made here, kept as they are by events. */
import { signal } from "@preact/signals";
import { isStale } from "../../common/addresses.js";
import { get, post } from "../../common/api.js";
import { ENDS, followPreviews, listen } from "../../common/live.js";
import { statuses } from "../../common/messages.js";
import { submitAgain } from "../../common/submit_again.js";
import { announce, complain } from "../../common/toasts.js";
import { words } from "../messages.js";

const SHOWN = 24;
const LOOK_MS = 5_000;
const RENEW_MS = 10_000;
const LOOKED_AT = 4; // jobs whose place is asked for at once, in turn

/** @typedef {import("../../common/calls.js").Schemas} Schemas */
/**
 * What is shown of a job: all of it, or what the list has, and what this page knows besides.
 * @typedef {Pick<Schemas["DetailedJobView"], "id" | "status"> & Partial<Omit<Schemas["DetailedJobView"], "outputs" | "error" | "progress">> & {
 *   outputs?: Output[], error?: {message?: string | null} | null, progress?: {percentage?: number} | null, isBrief?: boolean, count?: number, isCancelling?: boolean}} Job
 * @typedef {(Schemas["OutputView"] | Schemas["ListedOutput"]) & {width?: number | null, height?: number | null}} Output
 */

/** The newest first. @type {import("@preact/signals").Signal<Job[]>} */
export const jobs = signal([]);

export const hasEnded = (/** @type {Job} */ job) => ENDS.includes(job.status);

export async function loadJobs() {
  const { items } = await get("/api/v1/generation-jobs/", { query: { limit: SHOWN } });
  jobs.value = items.map(asShown);
  followPreviews();
  listen(heard);
  setInterval(lookAtWaiting, LOOK_MS);
  setInterval(renewAddresses, RENEW_MS);
  document.addEventListener("visibilitychange", renewAddresses);
  void lookAtWaiting();
}

/**
 * A job of the list, which has the first of its outputs alone.
 * @param {Schemas["ListedJob"]} item
 * @returns {Job}
 */
function asShown(item) {
  return { ...item, outputs: item.first_output ? [item.first_output] : [], count: item.outputs, isBrief: true };
}

/** Pictures can be opened, however long the page is. What ended while nobody looked at it comes once they do. */
async function renewAddresses() {
  const stale = document.hidden ? [] : jobs.value.filter((job) => job.outputs?.some(isStale));
  if (stale.some((job) => job.isBrief)) {
    const { items } = await get("/api/v1/generation-jobs/", { query: { limit: SHOWN } }).catch(() => ({ items: [] }));
    for (const item of items) if (stale.some((job) => job.isBrief && job.id === item.id)) update(item.id, { outputs: asShown(item).outputs });
  }
  for (const job of stale) if (!job.isBrief) await look(job.id);
}

/** How far jobs are that are heard of before the answer that made them. @type {Map<number, NonNullable<Job["progress"]>>} */
const early = new Map();

/** @param {Job} job */
export function addJob(job) {
  const progress = early.get(job.id);
  jobs.value = [job, ...jobs.value.filter((one) => one.id !== job.id)].slice(0, SHOWN);
  if (progress) update(job.id, { status: "running", progress });
  early.clear();
  void look(job.id);
}

/**
 * @param {number} id
 * @param {Partial<Job>} changes
 */
function update(id, changes) {
  jobs.value = jobs.value.map((job) => (job.id === id ? { ...job, ...changes } : job));
}

/**
 * @param {number} id
 * @param {NonNullable<Job["progress"]>} progress
 */
function keepEarly(id, progress) {
  if (early.size > SHOWN) early.clear(); // jobs that others make for this user
  early.set(id, progress);
}

/** @param {any} event */
function heard(event) {
  if (event.type === "snapshot") {
    for (const job of event.jobs ?? []) update(job.id, { status: job.status, progress: job.progress });
    // What ended while this page heard nothing.
    const open = new Set((event.jobs ?? []).map((/** @type {any} */ job) => job.id));
    for (const job of jobs.value) if (!hasEnded(job) && !open.has(job.id)) void look(job.id);
    return;
  }
  const { type, job_id: id, data } = event;
  const known = jobs.value.find((job) => job.id === id);
  if (type === "started" || ENDS.includes(type)) moveUp(known);
  if (type === "processing") known ? update(id, { status: "running", progress: data }) : keepEarly(id, data);
  // The progress may be heard of first.
  else if (type === "started") update(id, { status: "running", queue: null, progress: known?.progress ?? { percentage: 0 } });
  else if (type === "queued" || type === "pending") update(id, { status: type, progress: null });
  else if (type === "cancelling") update(id, { isCancelling: true });
  else if (type === "deleted") jobs.value = jobs.value.filter((job) => job.id !== id);
  else if (ENDS.includes(type)) {
    update(id, { status: type, progress: null });
    void look(id).then(announceEnd);
  }
}

/** @param {Job | null} job null where it is not there any more */
function announceEnd(job) {
  if (!job || !jobs.value.some(({ id }) => id === job.id)) return;
  announce(words.ended(statuses[job.status] ?? job.status, job.error?.message ?? job.prompt ?? ""));
}

async function lookAtWaiting() {
  if (document.hidden) return;
  await Promise.all(nextInTurn().map((job) => look(job.id)));
}

/** When each open job was asked for last. @type {Map<number, number>} */
const lookedAt = new Map();

/** Those of which least is known: first those that wait, then those that were not asked for the longest, the oldest first. */
function nextInTurn() {
  const since = (/** @type {Job} */ job) => lookedAt.get(job.id) ?? (job.status === "running" ? 0 : -1);
  const open = jobs.value.filter((job) => !hasEnded(job)).reverse();
  return open.sort((one, other) => since(one) - since(other)).slice(0, LOOKED_AT);
}

/** One has left the line: those behind it are a place further, until the API says more. @param {Job | undefined} gone */
function moveUp(gone) {
  if (gone?.status !== "queued") return;
  const left = gone.queue?.position ?? 0; // the first, most likely
  jobs.value = jobs.value.map((job) => {
    const place = job.queue?.position ?? 0;
    return place > left ? { ...job, queue: { ...job.queue, exact: false, position: place - 1 } } : job;
  });
}

/**
 * Events overtake an answer, which then knows less.
 * @param {Job["progress"]} answered
 * @param {Job["progress"]} heardOf
 */
function further(answered, heardOf) {
  return (heardOf?.percentage ?? 0) > (answered?.percentage ?? 0) ? heardOf : answered ?? heardOf;
}

/** @param {number} id */
async function look(id) {
  lookedAt.set(id, Date.now());
  const found = await get("/api/v1/generation-jobs/{job_id}", { path: { job_id: id } }).catch(() => null);
  if (!found) return null;
  const known = jobs.value.find((job) => job.id === id);
  update(id, { ...found, isBrief: false, progress: hasEnded(found) ? null : further(found.progress, known?.progress) });
  return found;
}

/**
 * The job with all its settings and outputs, asked for where the list left some out.
 * @param {Job} job
 */
export async function whole(job) {
  return job.isBrief ? ((await look(job.id)) ?? job) : job;
}

/** @param {Job} job */
export async function cancel(job) {
  update(job.id, { isCancelling: true });
  try {
    await post("/api/v1/generation-jobs/{job_id}/cancel", { path: { job_id: job.id } });
  } catch (error) {
    update(job.id, { isCancelling: false });
    complain(/** @type {Error} */ (error).message);
  }
}

/** @param {Job} job */
export async function again(job) {
  try {
    addJob(await submitAgain(job.id));
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}
