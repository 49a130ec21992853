/** Submits a job again, with the files that it began with; and says which of them is gone. */
import { ApiError, post } from "./api.js";
import { words } from "./messages.js";

/**
 * @param {number} id of a job that has ended
 * @param {import("./calls.js").Schemas["RetryBody"]} [body]
 * @returns {Promise<import("./calls.js").Answer<import("./calls.js").Paths["/api/v1/generation-jobs/{job_id}/retry"]["post"]>>} the new job. Rejected with an ApiError
 */
export async function submitAgain(id, body = {}) {
  try {
    return await post("/api/v1/generation-jobs/{job_id}/retry", { path: { job_id: id }, body });
  } catch (error) {
    throw withReason(/** @type {ApiError} */ (error));
  }
}

/** @param {ApiError} error */
function withReason(error) {
  const missing = error.errors.find(({ code }) => code === "missing_asset");
  if (!missing) return error;
  const gone = missing.field === "image" ? words.pictureOfJobGone : missing.field === "mask" ? words.maskOfJobGone : words.fileOfJobGone(missing.message);
  return new ApiError(error.status, gone, { code: error.code });
}
