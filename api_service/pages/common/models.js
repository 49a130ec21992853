/** The names of the models that servers have. */
import { get } from "./api.js";

/**
 * @param {"checkpoints" | "loras" | "samplers" | "schedulers"} kind
 * @returns {Promise<string[]>} none where the API does not say
 */
export async function namesOf(kind) {
  const { items } = await get("/api/v1/models/{kind}", { path: { kind } }).catch(() => ({ items: [] }));
  return items.map(({ name }) => name);
}
