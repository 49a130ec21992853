/** Something of the API that a view shows, and asks for again while it is looked at. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, located } from "../common/api.js";
import { html } from "../common/html.js";
import { whenBack } from "../common/live.js";
import { words as common } from "../common/messages.js";
import { complain, settle, toast } from "../common/toasts.js";
import { words } from "./messages.js";

/** @typedef {import("../common/calls.js").Paths} Paths */

export const FAST_MS = 5_000;
export const SLOW_MS = 15_000;
/** Of what a stream tells: only the addresses of its files grow old. */
export const CALM_MS = 60_000;

/**
 * @template T
 * @typedef {{data: T | null, error: ApiError | null, reload: () => Promise<void>}} Resource
 */
/**
 * @template P
 * @typedef {P extends keyof Paths ? import("../common/calls.js").Answer<Paths[P]["get"]> : never} AnswerOf
 */

/**
 * @template {import("../common/calls.js").PathOf<"get">} P
 * @param {P} path as the OpenAPI document has it
 * @param {import("../common/calls.js").Given<Paths[P]["get"]> | null} [given] null asks for nothing
 * @param {number} [everyMs] how often it is asked for again while the page is seen
 * @returns {Resource<AnswerOf<P>>} the data stay as they were while a later answer fails
 */
export function useResource(path, given, everyMs = SLOW_MS) {
  const key = given === null ? null : located(path, given ?? {});
  const [found, setFound] = useState({ key, data: /** @type {AnswerOf<P> | null} */ (null), error: /** @type {ApiError | null} */ (null) });
  const latest = useRef(0);
  const isGone = useRef(false);
  const reload = useCallback(async () => {
    if (given === null) return;
    const mine = ++latest.current;
    try {
      const data = /** @type {AnswerOf<P>} */ (await get(path, given));
      isGone.current = false;
      if (mine === latest.current) setFound({ key, data, error: null });
    } catch (error) {
      // What is not here is not asked for again and again.
      isGone.current = /** @type {ApiError} */ (error).status === 404;
      if (mine === latest.current) setFound((old) => ({ key, data: old.key === key ? old.data : null, error: /** @type {ApiError} */ (error) }));
    }
  }, [key]);
  useEffect(() => {
    const look = () => void (!document.hidden && !isGone.current && reload());
    void reload();
    const timer = setInterval(look, everyMs);
    // What is seen again is old, and so are the addresses of its files.
    document.addEventListener("visibilitychange", look);
    const stop = whenBack(look);
    return () => {
      stop();
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      latest.current += 1;
    };
  }, [reload, everyMs]);
  return found.key === key ? { ...found, reload } : { data: null, error: null, reload };
}

/**
 * What of a resource is there: that it is loading, what went wrong, or what is made of the data.
 * @template T
 * @param {Resource<T>} of
 * @param {(data: T) => any} shown
 */
export function loaded(of, shown) {
  if (of.data === null && of.error) {
    return html`<div class="empty" role="alert"><p>${of.error.message}</p><p><button onClick=${of.reload}>${common.tryAgain}</button></p></div>`;
  }
  if (of.data === null) return html`<p class="empty" role="status">${common.loading}</p>`;
  return html`<div class="loaded">${of.error && html`<p class="problem" role="status">${words.stale(of.error.message)}</p>`}${shown(of.data)}</div>`;
}

/**
 * Do something, say that it is done or why not, and look again.
 * @template T
 * @param {() => Promise<T>} deed
 * @param {string} said
 * @param {() => Promise<any>} [reload]
 * @returns {Promise<T | null | undefined>} what the deed answers; undefined if it was refused
 */
export async function act(deed, said, reload) {
  try {
    const answer = await deed();
    settle();
    toast(said);
    await reload?.();
    return answer ?? null;
  } catch (error) {
    complain(sentenceOf(error));
  }
}

/**
 * @param {unknown} error what a call was rejected with
 * @returns {string} what was refused, with the names of the fields
 */
export function sentenceOf(error) {
  const { errors, message } = /** @type {ApiError} */ (error);
  return errors?.length ? errors.map((one) => `${one.field}: ${one.message}`).join("; ") : message;
}
