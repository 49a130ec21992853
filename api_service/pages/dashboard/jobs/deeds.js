/** What is done to many jobs at once: a task does it in the background. */
import { post } from "../../common/api.js";
import { words } from "../messages.js";
import { really } from "../question.js";
import { act } from "../resource.js";
import { filtersNow } from "./filters.js";

/** @type {Record<string, {verb: string, question: (jobs: string) => string}>} */
export const DEEDS = {
  retry_jobs: { verb: words.retry, question: words.reallyRetry },
  cancel_jobs: { verb: words.cancelJobs, question: words.reallyCancel },
  delete_jobs: { verb: words.remove, question: words.reallyDelete },
};

/**
 * @param {string} kind of the task
 * @param {"all" | Set<number>} selected "all" are those that match the filters
 * @returns {Promise<boolean>} whether it was begun
 */
export async function doToJobs(kind, selected) {
  const { verb, question } = DEEDS[kind];
  if (!(await really(question(selected === "all" ? words.allJobs : words.jobs(selected.size)), verb))) return false;
  return (await act(() => post("/api/v1/tasks", { body: { kind, ...which(selected) } }), words.begun)) !== undefined;
}

/**
 * Make an archive of jobs with their files: the list of tasks has it, once it is there.
 * @param {"all" | Set<number>} selected
 * @returns {Promise<boolean>} whether it was begun
 */
export async function packJobs(selected) {
  return (await act(() => post("/api/v1/tasks", { body: { kind: "export", ...which(selected) } }), words.packed)) !== undefined;
}

/** Which jobs a task is about. @param {"all" | Set<number>} selected */
export function which(selected) {
  if (selected !== "all") return { ids: [...selected] };
  const { user_id, ...filter } = filtersNow();
  const whose = user_id && { user_id };
  return Object.keys(filter).length ? { filter: { ...filter, ...whose } } : { all: true, ...(whose && { filter: whose }) };
}
