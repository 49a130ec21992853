/** What can be done with pictures: again, variations, pin, use, download, delete. */
import { get, patch, post } from "../common/api.js";
import { address } from "../common/base.js";
import { submitAgain } from "../common/submit_again.js";
import { complain, toast } from "../common/toasts.js";
import { removeWithUndo } from "./deletion.js";
import { detailOf } from "./details.js";
import { words } from "./messages.js";
import { change } from "./pictures.js";
import { selectNone } from "./selection.js";

/** @typedef {import("./pictures.js").Picture} Picture */

const VARIATIONS = 4;
const ASKS = 72; // for the state of a ZIP, of up to 50 s each
const PATIENT = { Prefer: "wait=50" };

/** @param {number} id */
export const makeAgain = (id) => submit(id, [{ seed: "same" }]);
/** @param {number} id */
export const makeVariations = (id) => submit(id, Array(VARIATIONS).fill({ seed: "new" }));

/**
 * @param {number} id
 * @param {import("../common/calls.js").Schemas["RetryBody"][]} bodies
 */
async function submit(id, bodies) {
  await orSay(async () => {
    for (const body of bodies) await submitAgain(id, body);
    toast(words.submitted(bodies.length));
  });
}

/**
 * @param {Picture[]} of
 * @param {boolean} pinned
 */
export async function pin(of, pinned) {
  await orSay(async () => {
    for (const { id } of of.filter((one) => one.pinned !== pinned)) {
      await patch("/api/v1/generation-jobs/{job_id}", { path: { job_id: id }, body: { pinned } });
      change([id], { pinned });
    }
  });
}

/**
 * Open the studio with an output as the picture to begin with.
 * @param {number} job
 * @param {{id: string}} output
 */
export function useAsInput(job, output) {
  location.assign(address(`studio#${new URLSearchParams({ image: output.id, job: String(job) })}`));
}

/** @param {Picture[]} of */
export function removeAll(of) {
  selectNone();
  removeWithUndo(of.map(({ id }) => id));
}

/**
 * One file as it is; several as a ZIP that a worker packs.
 * @param {Picture[]} of
 */
export async function downloadAll(of) {
  await orSay(async () => {
    const [only] = of.length === 1 && of[0].outputs === 1 ? (await detailOf(of[0].id)).outputs : [];
    if (only) return download(only);
    toast(words.packing(of.length));
    let task = await post("/api/v1/tasks", { body: { kind: "export", ids: of.map(({ id }) => id) } });
    for (let asked = 0; !task.file && asked < ASKS; asked += 1) {
      task = await get("/api/v1/tasks/{task_id}", { path: { task_id: task.id }, headers: PATIENT });
      if (["failed", "cancelled"].includes(task.state)) return complain(task.error?.message ?? words.packingFailed);
    }
    if (task.file) download(task.file);
    else toast(words.packingLong);
  });
}

/**
 * @param {number} id
 * @param {number} position of the output
 */
export async function downloadOne(id, position) {
  await orSay(async () => download((await detailOf(id)).outputs[position]));
}

/** @param {{url: string, filename: string}} file */
function download({ url, filename }) {
  const link = document.createElement("a");
  link.href = address(url);
  link.download = filename;
  link.click();
}

/** @param {() => Promise<any>} deed */
async function orSay(deed) {
  try {
    await deed();
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}
