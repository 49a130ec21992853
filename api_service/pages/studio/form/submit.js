/** Sends a job: once, however often the button is pressed or the answer gets lost. */
import { signal } from "@preact/signals";
import { ApiError, post } from "../../common/api.js";
import { showBelow } from "../../common/into_view.js";
import { whenBack } from "../../common/live.js";
import { isOfNoAnswer } from "../../common/messages.js";
import { settle } from "../../common/toasts.js";
import { addJob } from "../results/jobs.js";
import { bodyOf } from "../../common/job_body.js";
import { words } from "../messages.js";
import { change, OF_NONE, problems, settings, settleField, workflow } from "./settings.js";

export const isSending = signal(false);

whenBack(() => isOfNoAnswer(problems.value[OF_NONE]) && settleField(OF_NONE));

export async function submit() {
  if (isSending.value) return;
  isSending.value = true;
  problems.value = {};
  const body = workflow.value ? { workflow: workflow.value } : bodyOf(settings.value);
  try {
    const job = await sent(body);
    addJob(job);
    settle();
    requestAnimationFrame(showFirst);
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

/** On a phone what comes is far below the form. */
const showFirst = () => showBelow(document.querySelector(".results .job"));

/** Of what is too little or too much it is said what may be. */
const BEYOND = ["string_too_short", "greater_than_equal", "less_than_equal", "multiple_of"];

/** @param {{field: string, message: string, code?: string}} wrong */
const saidOf = ({ field, message, code }) => (BEYOND.includes(code ?? "") ? (words.wrong[field] ?? message) : message);

/** @param {ApiError} error */
function refuse(error) {
  const [first] = error.errors;
  // What is wrong with no field stands at the button, until the next try.
  problems.value = first ? Object.fromEntries(error.errors.map((one) => [one.field, saidOf(one)])) : { [OF_NONE]: error.message };
  requestAnimationFrame(() => showProblem(error));
}

/**
 * Lead to the field, also where it is folded away; and to the button with what is wrong with none that is here.
 * @param {ApiError} error
 */
function showProblem({ errors }) {
  const field = /** @type {HTMLElement | null} */ (document.querySelector("[aria-invalid]"));
  if (field) {
    const folded = field.closest("details");
    if (folded) folded.open = true;
    field.focus();
  } else if (errors.length && !document.querySelector(".form .problem")) {
    problems.value = { [OF_NONE]: errors.map((one) => `${one.field}: ${one.message}`).join("; ") };
  }
}
