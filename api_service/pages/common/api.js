/** Asks the API. What it refuses is an ApiError with a sentence for people. */
import { address } from "./base.js";
import { words } from "./messages.js";
import { parsed, written } from "./numbers.js";

/** @typedef {import("./calls.js").Paths} Paths */
/**
 * @template {import("./calls.js").Method} M
 * @typedef {import("./calls.js").PathOf<M>} PathOf
 */
/**
 * @template O
 * @typedef {import("./calls.js").Given<O>} Given
 */
/**
 * @template O
 * @typedef {Promise<import("./calls.js").Answer<O>>} Answer
 */
/** @typedef {{path?: Record<string, string | number>, query?: URLSearchParams | object, body?: any, headers?: Record<string, string>}} Parts */

const PATIENCE_MS = 60_000;
const AGAIN_MS = 1_200;
const SMALL = 32_768; // bytes: a browser refuses to send more than 64 KiB, of all such requests together, once the page is left

export class ApiError extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {string} sentence
   * @param {{code?: string, errors?: {field: string, message: string, code?: string}[], retryAfter?: number, body?: any}} more `body` is the JSON of the answer
   */
  constructor(status, sentence, more = {}) {
    super(sentence);
    this.status = status;
    this.code = more.code ?? "";
    this.errors = more.errors ?? [];
    this.retryAfter = more.retryAfter ?? 0;
    this.body = more.body ?? null;
  }
}

/**
 * @template {PathOf<"get">} P
 * @param {P} path as the OpenAPI document has it, with names in braces
 * @param {Given<Paths[P]["get"]>} [given]
 * @returns {Answer<Paths[P]["get"]>} the JSON of the answer; null where there is none
 */
export const get = (path, given) => ask("GET", path, given);
/**
 * @template {PathOf<"post">} P
 * @param {P} path
 * @param {Given<Paths[P]["post"]>} [given]
 * @returns {Answer<Paths[P]["post"]>}
 */
export const post = (path, given) => ask("POST", path, given);
/**
 * @template {PathOf<"patch">} P
 * @param {P} path
 * @param {Given<Paths[P]["patch"]>} given
 * @returns {Answer<Paths[P]["patch"]>}
 */
export const patch = (path, given) => ask("PATCH", path, given);
/**
 * @template {PathOf<"delete">} P
 * @param {P} path
 * @param {Given<Paths[P]["delete"]>} [given]
 * @returns {Answer<Paths[P]["delete"]>}
 */
export const remove = (path, given) => ask("DELETE", path, given);

/**
 * @param {string} method
 * @param {string} path
 * @param {Parts} [given]
 * @returns {Promise<any>}
 */
async function ask(method, path, given = {}) {
  const target = located(path, given);
  const answer = await send(method, target, given);
  if (answer.status === 401 && path !== "/session") {
    // The cookie may just have been renewed in another tab.
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    return read(await send(method, target, given));
  }
  return read(answer);
}

/**
 * The address of a call, without that of this service.
 * @param {string} path
 * @param {Parts} given
 */
export function located(path, { path: names = {}, query = {} }) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(names[name]));
  const said = query instanceof URLSearchParams ? query : searchOf(query);
  return said.size ? `${filled}?${said}` : filled;
}

/** @param {Record<string, any>} query what is null, undefined or empty is not said; a list is said one by one */
function searchOf(query) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") said.append(name, String(one));
  }
  return said;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Parts} given
 */
async function send(method, path, { body, headers }) {
  const raw = body instanceof FormData;
  /** @type {Record<string, string>} */
  const sent = { "X-Genonaut-Page": "1", ...headers };
  if (body !== undefined && !raw) sent["Content-Type"] = "application/json";
  const content = body === undefined || raw ? body : written(body);
  try {
    return await fetch(address(path), {
      method,
      headers: sent,
      body: content,
      // What is asked for is done, though the page is left meanwhile.
      keepalive: method !== "GET" && !raw && isSmall(content),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return noAnswer(method);
  }
}

/** @param {string} [content] of which a letter may have four bytes */
const isSmall = (content = "") => content.length < SMALL && new TextEncoder().encode(content).length < SMALL;

/**
 * What is only shown is asked for again by itself; what changes something is not.
 * @param {string} [method]
 * @returns {never}
 */
function noAnswer(method = "GET") {
  throw new ApiError(0, method === "GET" ? words.noAnswer : words.notSent);
}

/** @param {Response} answer */
async function read(answer) {
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const found = isJson ? await answer.text().then(parsed).catch(() => noAnswer()) : null;
  if (answer.ok) return found;
  if (answer.status === 401) signIn({ hasEnded: true });
  const said = words.codes[found?.code]?.(found.detail) ?? found?.detail ?? words.refused(answer.status);
  const more = { code: found?.code, errors: found?.errors, retryAfter: Number(answer.headers.get("Retry-After")), body: found };
  throw new ApiError(answer.status, asSentence(said), more);
}

/** Sentences of the API begin small. @param {string} said */
const asSentence = (said) => said.charAt(0).toUpperCase() + said.slice(1);

/**
 * Go where one signs in, and come back here after.
 * @param {{hasEnded?: boolean}} [why] whether somebody was signed in here
 */
export function signIn({ hasEnded = false } = {}) {
  const here = location.pathname.split("/").pop() + location.search + location.hash;
  if (!here.startsWith("sign-in")) location.assign(address(`sign-in?${new URLSearchParams({ then: here, ...(hasEnded && { ended: "1" }) })}`));
}
