/** Follows jobs over the one WebSocket of the page: all of the user, or one. A connection that breaks is shown, and made anew. */
import { signal } from "@preact/signals";
import { get, signIn } from "./api.js";
import { socketAddress } from "./base.js";
import { parsed } from "./numbers.js";

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;
/** Closed with one of these, a new connection may help. */
const AGAIN = [1005, 1006, 1011, 1012, 1013, 4408, 4429];
/** The key was revoked, or the cookie was renewed in another tab. */
const KEY_ENDED = 4401;

/** How a job ends: its status then, and the event that tells of it. */
export const ENDS = ["completed", "failed", "cancelled", "expired"];

/** "connecting", "live", "lost", or "refused": then this user hears nothing here. */
export const connection = signal("connecting");

/** @type {Set<(event: any) => void>} */
const listeners = new Set();
let wait = SHORTEST_MS;
let isOpen = false;
/** What is followed where no single job is. */
let usual = "ws/jobs";
let stream = usual;
/** @type {WebSocket | null} */
let socket = null;
let timer = 0;

/** Hear of everybody's jobs instead, which admins may. To be said before anybody listens. */
export function followEverybody() {
  stream = usual = "ws/jobs?user_id=all";
}

/** Hear of the previews of all one's jobs too. To be said before anybody listens. */
export function followPreviews() {
  stream = usual = "ws/jobs?previews=true";
}

/**
 * Hear of one job instead: what happened to it, what happens, and its previews. Once it has ended, of all again.
 * @param {number} id
 */
export const followJob = (id) => follow(`ws/jobs/${id}?previews=true&last_event_id=0`);

/** Hear of all jobs again. */
export const followAll = () => follow(usual);

/**
 * Do something each time that a connection is there again, after it was lost.
 * @param {() => void} deed
 * @returns {() => void} ends it
 */
export function whenBack(deed) {
  let wasLost = false;
  return connection.subscribe((now) => {
    if (now === "live" && wasLost) deed();
    wasLost = now === "lost";
  });
}

/** @param {string} next */
function follow(next) {
  if (next === stream) return;
  stream = next;
  if (!isOpen) return;
  drop();
  wait = SHORTEST_MS;
  open();
}

/**
 * Hear of each snapshot and event from now on.
 * @param {(event: any) => void} listener
 * @returns {() => void} ends it
 */
export function listen(listener) {
  listeners.add(listener);
  if (!isOpen) open();
  return () => listeners.delete(listener);
}

function open() {
  isOpen = true;
  clearTimeout(timer);
  const made = new WebSocket(socketAddress(stream));
  socket = made;
  made.onopen = () => {
    if (socket !== made) return made.close();
    wait = SHORTEST_MS;
    connection.value = "live";
  };
  made.onmessage = ({ data }) => {
    const event = parsed(data);
    for (const listener of listeners) listener(event);
  };
  made.onclose = ({ code }) => {
    if (socket === made) void closed(code);
  };
}

/** @param {number} code */
async function closed(code) {
  // Of one job there is no more to hear: it has ended, or is not there.
  if (stream !== usual && code !== KEY_ENDED && !AGAIN.includes(code)) return followAll();
  connection.value = AGAIN.includes(code) || code === KEY_ENDED ? "lost" : "refused";
  // Where nobody is signed in any more, no new connection helps.
  if (code === KEY_ENDED && (await get("/session").catch(() => undefined)) === null) return signIn({ hasEnded: true });
  if (connection.value === "lost") timer = window.setTimeout(open, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_MS);
}

// A browser knows at once when its network goes and comes; a socket may take minutes to notice.
globalThis.addEventListener?.("offline", () => isOpen && leave());
globalThis.addEventListener?.("online", () => connection.value === "lost" && open());

function leave() {
  drop();
  void closed(1006);
}

/** Hear nothing more of the socket that is there. */
function drop() {
  const left = socket;
  socket = null;
  if (!left) return;
  left.onmessage = null;
  // One that connects yet would warn in the console; it is closed once it is open.
  if (left.readyState === WebSocket.OPEN) left.close();
}

/**
 * Hear of the previews of one job, where the stream has them.
 * @param {number} jobId
 * @param {(picture: string) => void} show
 * @returns {() => void} ends it
 */
export function listenToPreviews(jobId, show) {
  return listen(({ type, job_id: id, data }) => {
    if (type === "preview" && id === jobId) show(`data:${data.media_type};base64,${data.image}`);
  });
}
