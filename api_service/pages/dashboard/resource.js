/** Something of the API that a view shows, and asks for again while it is looked at. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../common/api.js";
import { html } from "../common/html.js";
import { words as common } from "../common/messages.js";
import { toast } from "../common/toasts.js";
import { words } from "./messages.js";

export const FAST_MS = 5_000;
export const SLOW_MS = 15_000;

/**
 * @typedef {{data: any, error: ApiError | null, reload: () => Promise<void>}} Resource
 */

/**
 * @param {string | null} path null asks for nothing
 * @param {number} [everyMs] how often it is asked for again while the page is seen
 * @returns {Resource} the data stay as they were while a later answer fails
 */
export function useResource(path, everyMs = SLOW_MS) {
  const [found, setFound] = useState({ path, data: /** @type {any} */ (null), error: /** @type {ApiError | null} */ (null) });
  const latest = useRef(0);
  const isGone = useRef(false);
  const reload = useCallback(async () => {
    if (path === null) return;
    const mine = ++latest.current;
    try {
      const data = await get(path);
      isGone.current = false;
      if (mine === latest.current) setFound({ path, data, error: null });
    } catch (error) {
      // What is not here is not asked for again and again.
      isGone.current = /** @type {ApiError} */ (error).status === 404;
      if (mine === latest.current) setFound((old) => ({ path, data: old.path === path ? old.data : null, error: /** @type {ApiError} */ (error) }));
    }
  }, [path]);
  useEffect(() => {
    void reload();
    const timer = setInterval(() => !document.hidden && !isGone.current && reload(), everyMs);
    return () => {
      clearInterval(timer);
      latest.current += 1;
    };
  }, [reload, everyMs]);
  return found.path === path ? { ...found, reload } : { data: null, error: null, reload };
}

/**
 * What of a resource is there: loading, what went wrong, or what `children` makes of the data.
 * @param {{of: Resource, children: (data: any) => any}} props
 */
export function Loaded({ of, children }) {
  if (of.data === null && of.error) {
    return html`<div class="empty" role="alert"><p>${of.error.message}</p><p><button onClick=${of.reload}>${words.tryAgain}</button></p></div>`;
  }
  if (of.data === null) return html`<p class="empty" role="status">${common.loading}</p>`;
  return html`<div class="loaded">${of.error && html`<p class="problem" role="status">${words.stale(of.error.message)}</p>`}${children(of.data)}</div>`;
}

/**
 * Do something, say that it is done or why not, and look again.
 * @param {() => Promise<any>} deed
 * @param {string} said
 * @param {() => Promise<any>} [reload]
 * @returns {Promise<any>} what the deed answers; undefined if it was refused
 */
export async function act(deed, said, reload) {
  try {
    const answer = await deed();
    toast(said);
    await reload?.();
    return answer ?? null;
  } catch (error) {
    const { errors, message } = /** @type {ApiError} */ (error);
    toast(errors?.length ? errors.map((one) => `${one.field}: ${one.message}`).join("; ") : message);
  }
}
