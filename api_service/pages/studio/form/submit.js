/** Sends a job: once, however often the button is pressed or the answer gets lost. */
import { signal } from "@preact/signals";
import { ApiError, post } from "../../common/api.js";
import { toast } from "../../common/toasts.js";
import { addJob } from "../results/jobs.js";
import { bodyOf } from "../../common/job_body.js";
import { change, OF_NONE, problems, settings, workflow } from "./settings.js";

export const isSending = signal(false);

export async function submit() {
  if (isSending.value) return;
  isSending.value = true;
  problems.value = {};
  const body = workflow.value ? { workflow: workflow.value } : bodyOf(settings.value);
  try {
    const job = await sent(body);
    addJob(job);
    if (!settings.value.keepsSeed) change({ seed: null });
  } catch (error) {
    refuse(/** @type {ApiError} */ (error));
  } finally {
    isSending.value = false;
  }
}

/** Ctrl+Enter in any field sends. @param {KeyboardEvent} event */
export function sendByKeys(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    void submit();
  }
}

/**
 * One more try where no answer came: the key of the request makes sure that there is one job.
 * @param {import("../../common/calls.js").Schemas["JobBody"]} body
 */
async function sent(body) {
  const headers = { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) };
  try {
    return await post("/api/v1/generation-jobs/", { body, headers });
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) return post("/api/v1/generation-jobs/", { body, headers });
    throw error;
  }
}

/** @param {ApiError} error */
function refuse(error) {
  const [first] = error.errors;
  // What is wrong with no field stands at the button, until the next try.
  problems.value = first ? Object.fromEntries(error.errors.map(({ field, message }) => [field, message])) : { [OF_NONE]: error.message };
  if (first) toast(`${first.field}: ${first.message}`);
  requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector("[aria-invalid]"))?.focus());
}
