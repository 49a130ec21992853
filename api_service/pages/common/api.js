/** Asks the API. What it refuses is an ApiError with a sentence for people. */
import { address } from "./base.js";
import { words } from "./messages.js";

const PATIENCE_MS = 60_000;
const AGAIN_MS = 1_200;
const SMALL = 50_000; // characters: more than 64 KiB are not sent once the page is left

export class ApiError extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {string} sentence
   * @param {{code?: string, errors?: {field: string, message: string}[], retryAfter?: number}} more
   */
  constructor(status, sentence, more = {}) {
    super(sentence);
    this.status = status;
    this.code = more.code ?? "";
    this.errors = more.errors ?? [];
    this.retryAfter = more.retryAfter ?? 0;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {any} [body] sent as JSON; a Blob or FormData as it is
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} the JSON of the answer; null where there is none
 */
export async function ask(method, path, body, headers = {}) {
  const answer = await send(method, path, body, headers);
  if (answer.status === 401 && !path.endsWith("session")) {
    // The cookie may just have been renewed in another tab.
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    return read(await send(method, path, body, headers));
  }
  return read(answer);
}

/** @type {(path: string) => Promise<any>} */
export const get = (path) => ask("GET", path);
/** @type {(path: string, body?: any, headers?: Record<string, string>) => Promise<any>} */
export const post = (path, body, headers) => ask("POST", path, body, headers);
/** @type {(path: string, body: any) => Promise<any>} */
export const patch = (path, body) => ask("PATCH", path, body);
/** @type {(path: string) => Promise<any>} */
export const remove = (path) => ask("DELETE", path);

/**
 * @param {string} method
 * @param {string} path
 * @param {any} body
 * @param {Record<string, string>} headers
 */
async function send(method, path, body, headers) {
  const raw = body instanceof Blob || body instanceof FormData;
  /** @type {Record<string, string>} */
  const sent = { "X-Genonaut-Page": "1", ...headers };
  if (body !== undefined && !raw) sent["Content-Type"] = "application/json";
  const content = body === undefined || raw ? body : JSON.stringify(body);
  try {
    return await fetch(address(path), {
      method,
      headers: sent,
      body: content,
      // What is asked for is done, though the page is left meanwhile.
      keepalive: method !== "GET" && !raw && (content?.length ?? 0) < SMALL,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiError(0, words.noAnswer);
  }
}

/** @param {Response} answer */
async function read(answer) {
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const found = isJson ? await answer.json() : null;
  if (answer.ok) return found;
  if (answer.status === 401) signIn();
  const more = { code: found?.code, errors: found?.errors, retryAfter: Number(answer.headers.get("Retry-After")) };
  throw new ApiError(answer.status, found?.detail ?? words.refused(answer.status), more);
}

/** Go where one signs in, and come back here after. */
export function signIn() {
  const here = location.pathname.split("/").pop() + location.search + location.hash;
  if (!here.startsWith("sign-in")) location.assign(address(`sign-in?then=${encodeURIComponent(here)}`));
}
