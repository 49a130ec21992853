/** Follows the list of tasks by server-sent events, while the page is seen. A stream that breaks is opened again. */
import { located } from "../../common/api.js";
import { address } from "../../common/base.js";
import { parsed } from "../../common/numbers.js";

/** @typedef {import("../../common/calls.js").Schemas["TaskView"]} Task */
/** @typedef {{opened: () => void, heard: (task: Task) => void, gone: (id: string) => void, lost: () => void}} Listener */

const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;
/** The names of the events of a task: how it is. */
const STATES = ["waiting", "running", "completed", "failed", "cancelled"];

/**
 * Hear of tasks from now on. Each time that the stream is `opened`, it tells of the newest as they are, and not of what
 * was deleted while it was `lost`.
 * @param {{user_id?: any}} query whose tasks
 * @param {Listener} listener
 * @returns {() => void} ends it
 */
export function followTasks(query, listener) {
  const followed = new Followed(address(located("/api/v1/tasks/events", { query })), listener);
  const look = () => followed.look();
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    followed.close();
  };
}

/** A stream that is open while the page is seen: a browser has six connections for all its tabs. */
class Followed {
  /**
   * @param {string} from
   * @param {Listener} listener
   */
  constructor(from, listener) {
    this.from = from;
    this.listener = listener;
    this.wait = SHORTEST_MS;
    this.again = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    this.source = /** @type {EventSource | null} */ (null);
  }

  look() {
    if (!document.hidden) {
      if (!this.source) this.open();
    } else if (this.source) {
      this.close();
      this.listener.lost();
    }
  }

  open() {
    clearTimeout(this.again);
    const source = (this.source = new EventSource(this.from));
    source.onopen = () => {
      this.wait = SHORTEST_MS;
      this.listener.opened();
    };
    source.onerror = () => this.failed();
    for (const state of STATES) source.addEventListener(state, ({ data }) => this.listener.heard(/** @type {Task} */ (parsed(data))));
    source.addEventListener("deleted", ({ data }) => this.listener.gone(parsed(data).id));
  }

  /** The browser would try again only after some failures, and never more slowly. */
  failed() {
    this.close();
    this.listener.lost();
    this.again = setTimeout(() => this.look(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_MS);
  }

  close() {
    clearTimeout(this.again);
    this.source?.close();
    this.source = null;
  }
}
