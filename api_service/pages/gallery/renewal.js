/** Thumbnails whose addresses have ended while the gallery was open: a page of them is asked for at once. */
import { isStale } from "../common/addresses.js";
import { get } from "../common/api.js";
import { address } from "../common/base.js";
import { whenBack } from "../common/live.js";
import { filters, queryOf } from "./filters.js";
import { changeEach, LIST, pictures } from "./pictures.js";

const GATHER_MS = 50; // all that are seen fail together
const PAGE = "100";

/** Addresses that failed already: what has a new one that fails too is not there. @type {Set<string>} */
const tried = new Set();
/** @type {Set<number>} */
const wanted = new Set();
let timer = 0;

/**
 * Have a thumbnail shown that could not be loaded.
 * @param {number} id of its job
 * @param {string} src where it was asked for
 */
export function renewThumbnail(id, src) {
  const known = pictures.value.find((one) => one.id === id)?.first_output;
  if (!known || tried.has(known.url)) return;
  // It has a new address already, which is not in the page yet.
  if (!Object.values(known.thumbnails ?? {}).some((url) => address(url) === src)) return;
  tried.add(known.url);
  wanted.add(id);
  timer ||= window.setTimeout(() => void renew(), GATHER_MS);
}

/** Ask anew for what did not come, once somebody answers again. @returns {() => void} ends it */
export const renewWhenBack = () =>
  whenBack(() => {
    tried.clear();
    for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll(".tile img"))) {
      if (image.complete && !image.naturalWidth) image.src = image.src;
    }
  });

async function renew() {
  for (let first = newest(); first; first = newest()) {
    wanted.delete(first.id);
    const before = new Date(Date.parse(first.created_at) + 1).toISOString();
    const { items } = await get(LIST, { query: queryOf(filters.value, { limit: PAGE, created_before: before }) }).catch(() => ({ items: [] }));
    const old = new Set(pictures.value.filter((one) => wanted.has(one.id) || one.id === first?.id || (one.first_output && isStale(one.first_output))).map(({ id }) => id));
    const changes = items.filter(({ id }) => old.has(id)).map((item) => /** @type {const} */ ([item.id, { first_output: item.first_output }]));
    for (const [id] of changes) wanted.delete(id);
    changeEach(new Map(changes));
  }
  timer = 0;
}

const newest = () => (wanted.size ? pictures.value.find(({ id }) => wanted.has(id)) : undefined);
