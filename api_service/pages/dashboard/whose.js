/** Whose things are shown: everybody's to an admin, one's own to others. */
import { session } from "../common/session.js";

/**
 * @param {string} path
 * @param {Record<string, string> | URLSearchParams} [query]
 * @returns {string} with `user_id=all` for an admin, unless the query names a user
 */
export function ofAll(path, query = {}) {
  const all = new URLSearchParams(query);
  if (session.value?.is_admin && !all.has("user_id")) all.set("user_id", "all");
  const text = all.toString();
  return text ? `${path}?${text}` : path;
}
