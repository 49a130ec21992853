/** Makes an asset of a file. */
import { post } from "../../common/api.js";

/**
 * @param {File} file
 * @returns {Promise<{id: string, url: string}>} the asset, and an address of the file in this browser. Rejected with an ApiError
 */
export async function uploaded(file) {
  const body = new FormData();
  body.append("file", file);
  const { id } = await post("/api/v1/assets", { body });
  return { id, url: URL.createObjectURL(file) };
}
