/** Whose things are shown: everybody's to an admin, one's own to others. */
import { session } from "../common/session.js";

/**
 * @template {object} Q
 * @param {Q} [query]
 * @returns {{query: Q}} with `user_id` of "all" for an admin, unless the query names a user
 */
export function ofAll(query) {
  return { query: { ...(session.value?.is_admin && { user_id: "all" }), .../** @type {Q} */ (query) } };
}
