/** The completed jobs of the gallery, newest first: read page by page, and new ones as they end. */
import { computed, signal } from "@preact/signals";
import { get } from "../common/api.js";
import { listen, whenBack } from "../common/live.js";
import { filters, queryOf } from "./filters.js";

/**
 * @typedef {import("../common/calls.js").Schemas["ListedJob"]} Listed
 * @typedef {Listed & {day: string}} Picture
 */

export const LIST = "/api/v1/generation-jobs/";
const PAGE = "100";
const NEW_ONES = "50";
const QUIET_MS = 400; // of many that end at once, one question
const NEAR_TOP = 200; // pixels: nearer to the top nobody loses their place when new ones come in

/** @type {import("@preact/signals").Signal<Picture[]>} */
const loaded = signal([]);
/** Those that are deleted once the time to undo it is over. @type {import("@preact/signals").Signal<Set<number>>} */
export const removed = signal(new Set());
export const pictures = computed(() => (removed.value.size ? loaded.value.filter(({ id }) => !removed.value.has(id)) : loaded.value));
/** New ones, for someone who looks at old ones. @type {import("@preact/signals").Signal<Picture[]>} */
export const fresh = signal([]);
/** "loading", "more", "all" or "failed". */
export const state = signal("loading");
export const problem = signal("");

let cursor = "";
let asked = 0; // counts what was begun, so that late answers to former filters are dropped
let timer = 0;

/** Read the first page anew. */
export async function begin() {
  asked += 1;
  cursor = "";
  fresh.value = [];
  await read(true);
}

/** Read the next page, if there is one and nobody reads it. */
export async function more() {
  if (state.value === "more") await read(false);
}

/** @param {boolean} isFirst */
async function read(isFirst) {
  const mine = asked;
  state.value = "loading";
  try {
    const found = await get(LIST, { query: queryOf(filters.value, { limit: PAGE, cursor }) });
    if (mine !== asked) return;
    cursor = found.cursor ?? "";
    loaded.value = isFirst ? found.items.map(withDay) : [...loaded.value, ...unknown(found.items)];
    state.value = cursor ? "more" : "all";
  } catch (error) {
    if (mine !== asked) return;
    if (isFirst) loaded.value = [];
    problem.value = /** @type {Error} */ (error).message;
    state.value = "failed";
  }
}

/** Try again what failed. */
export function retryReading() {
  void (cursor ? read(false) : begin());
}

/** Hear of what ends and what is deleted. */
export function followJobs() {
  let isFirst = true;
  listen(({ type, job_id: id }) => {
    if (type === "deleted") forget([id]);
    // A later snapshot follows a lost connection.
    if (type === "completed" || (type === "snapshot" && !isFirst)) lookSoon();
    if (type === "snapshot") isFirst = false;
  });
  whenBack(() => state.value === "failed" && retryReading());
}

function lookSoon() {
  timer ||= window.setTimeout(lookForNew, QUIET_MS);
}

async function lookForNew() {
  timer = 0;
  const mine = asked;
  const found = await get(LIST, { query: queryOf(filters.value, { limit: NEW_ONES }) }).catch(() => null);
  if (!found || mine !== asked) return;
  const known = new Set(fresh.value.map(({ id }) => id));
  const news = unknown(found.items).filter(({ id }) => !known.has(id));
  // None is known: more ended than were asked for.
  if (news.length === Number(NEW_ONES)) return begin();
  fresh.value = [...news, ...fresh.value];
  if (scrollY < NEAR_TOP) showFresh();
}

export function showFresh() {
  if (!fresh.value.length) return;
  loaded.value = [...fresh.value, ...loaded.value].sort(newerFirst);
  fresh.value = [];
}

/** As the API orders them: those of one request have one moment. @type {(one: Picture, other: Picture) => number} */
const newerFirst = (one, other) => (one.created_at === other.created_at ? other.id - one.id : one.created_at < other.created_at ? 1 : -1);

/**
 * @param {number[]} ids
 * @param {Partial<Picture>} changes
 */
export function change(ids, changes) {
  changeEach(new Map(ids.map((id) => [id, changes])));
}

/** @param {Map<number, Partial<Picture>>} changes by the id */
export function changeEach(changes) {
  loaded.value = loaded.value.map((one) => (changes.has(one.id) ? { ...one, ...changes.get(one.id) } : one));
}

/** @param {number[]} ids */
export function forget(ids) {
  const gone = new Set(ids);
  loaded.value = loaded.value.filter(({ id }) => !gone.has(id));
  fresh.value = fresh.value.filter(({ id }) => !gone.has(id));
}

/**
 * Those of these that are not here yet.
 * @param {Listed[]} items
 */
function unknown(items) {
  const known = new Set(loaded.value.map(({ id }) => id));
  return items.filter(({ id }) => !known.has(id)).map(withDay);
}

/** @param {Listed} item @returns {Picture} */
function withDay(item) {
  return { ...item, day: new Date(item.created_at).toDateString() };
}
