/** Follows all jobs of the user over one WebSocket. A connection that breaks is shown, and made anew. */
import { signal } from "@preact/signals";
import { socketAddress } from "./base.js";
import { parsed } from "./numbers.js";

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;
/** Closed with one of these, a new connection may help. */
const AGAIN = [1005, 1006, 1011, 1012, 1013, 4408, 4429];

/** "connecting", "live" or "lost". */
export const connection = signal("connecting");

/** @type {Set<(event: any) => void>} */
const listeners = new Set();
let wait = SHORTEST_MS;
let isOpen = false;
let stream = "ws/jobs";

/** Hear of everybody's jobs instead, which admins may. To be said before anybody listens. */
export function followEverybody() {
  stream = "ws/jobs?user_id=all";
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
  const socket = new WebSocket(socketAddress(stream));
  socket.onopen = () => {
    wait = SHORTEST_MS;
    connection.value = "live";
  };
  socket.onmessage = ({ data }) => {
    const event = parsed(data);
    for (const listener of listeners) listener(event);
  };
  socket.onclose = ({ code }) => {
    connection.value = "lost";
    if (AGAIN.includes(code)) setTimeout(open, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_MS);
  };
}

/**
 * Follow the previews of one job while it runs.
 * @param {number} jobId
 * @param {(picture: string) => void} show
 * @returns {() => void} ends it
 */
export function listenToPreviews(jobId, show) {
  const socket = new WebSocket(socketAddress(`ws/jobs/${jobId}?previews=true`));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === "preview") show(`data:${event.data.media_type};base64,${event.data.image}`);
  };
  return () => {
    // A socket closed while it connects is a warning in the console, and the job may end that soon.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
    socket.onmessage = null;
  };
}
