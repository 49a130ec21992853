/** How the dashboard follows tasks: what a stream tells beside a page, and a stream that breaks. */
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

/** The streams that were opened, as far as a page sees them. @type {any[]} */
let made = [];

class Source {
  isClosed = false;
  onopen = () => {};
  onerror = () => {};
  /** @type {Map<string, (event: {data: string}) => void>} */
  listeners = new Map();

  /** @param {string} from */
  constructor(from) {
    this.from = from;
    made.push(this);
  }

  /**
   * @param {string} name
   * @param {(event: {data: string}) => void} listener
   */
  addEventListener(name, listener) {
    this.listeners.set(name, listener);
  }

  /**
   * @param {string} name
   * @param {object} data
   */
  tell(name, data) {
    this.listeners.get(name)?.({ data: JSON.stringify(data) });
  }

  close() {
    this.isClosed = true;
  }
}

const page = Object.assign(new EventTarget(), { baseURI: "http://127.0.0.1/below/", hidden: false });
Object.assign(globalThis, { EventSource: Source, document: page, location: { protocol: "http:" } });
const { followTasks } = await import("../../../api_service/pages/dashboard/tasks/task_stream.js");
const { Told } = await import("../../../api_service/pages/dashboard/tasks/task_list.js");

/**
 * @param {string} id
 * @param {number} minute when it was made
 * @param {object} [more]
 * @returns {any}
 */
const task = (id, minute, more) => {
  const at = `2026-01-01T00:${String(minute).padStart(2, "0")}:00Z`;
  return { id, state: "running", done: 0, created_at: at, updated_at: at, ...more };
};
const ids = (/** @type {any[]} */ tasks) => tasks.map(({ id }) => id);

/** @param {boolean} isHidden */
function seen(isHidden) {
  page.hidden = isHidden;
  page.dispatchEvent(new Event("visibilitychange"));
}

/** @returns {{said: any[], end: () => void}} */
function followed(query = {}) {
  /** @type {any[]} */
  const said = [];
  const listener = { opened: () => said.push("opened"), heard: (/** @type {any} */ one) => said.push(one.id), gone: (/** @type {string} */ id) => said.push(`no ${id}`), lost: () => said.push("lost") };
  return { said, end: followTasks(query, listener) };
}

beforeEach(() => {
  made = [];
  page.hidden = false;
});

test("each state and each deletion is heard, below the path of a proxy", () => {
  const { said, end } = followed({ user_id: "all" });
  assert.equal(made[0].from, "http://127.0.0.1/below/api/v1/tasks/events?user_id=all");
  made[0].onopen();
  for (const state of ["waiting", "running", "completed", "failed", "cancelled"]) made[0].tell(state, task(state, 1));
  made[0].tell("deleted", { id: "failed" });
  assert.deepEqual(said, ["opened", "waiting", "running", "completed", "failed", "cancelled", "no failed"]);
  end();
  assert.equal(made[0].isClosed, true);
});

test("a stream that breaks is opened again, ever more slowly until it opens", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { said, end } = followed();
  const waits = [];
  for (let round = 0; round < 8; round += 1) {
    made.at(-1).onerror();
    assert.equal(made.at(-1).isClosed, true);
    const before = made.length;
    let waited = 0;
    for (; made.length === before; waited += 50) mock.timers.tick(50);
    waits.push(waited);
  }
  assert.ok(waits[0] >= 700 && waits[0] <= 1_300, `${waits[0]}`);
  assert.ok(waits[3] > waits[0] && waits[7] >= 22_000 && waits[7] <= 38_000, `${waits}`);
  made.at(-1).onopen();
  made.at(-1).onerror();
  mock.timers.tick(1_300);
  assert.equal(made.length, 10, "it opened, so the next try comes soon");
  assert.deepEqual(said.slice(-2), ["opened", "lost"]);
  end();
  mock.timers.reset();
});

test("a page that nobody sees holds no connection", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { said, end } = followed();
  made[0].onopen();
  seen(true);
  assert.equal(made[0].isClosed, true);
  mock.timers.tick(100_000);
  seen(true);
  assert.equal(made.length, 1);
  seen(false);
  assert.equal(made.length, 2);
  assert.deepEqual(said, ["opened", "lost"]);
  made[1].onerror();
  seen(true);
  mock.timers.tick(100_000);
  assert.equal(made.length, 2, "nor does it try to get one");
  end();
  seen(false);
  assert.equal(made.length, 2, "nobody listens any more");
  mock.timers.reset();
});

test("a task is shown as it was changed last", () => {
  const asked = [task("b", 2, { updated_at: "2026-01-01T00:05:00Z" }), task("a", 1, { updated_at: "2026-01-01T00:05:00Z" })];
  const told = new Told().with(task("b", 2, { done: 7, updated_at: "2026-01-01T00:05:00.100Z" })).with(task("a", 1, { done: 3, updated_at: "2026-01-01T00:04:00Z" }));
  assert.deepEqual(told.applied(asked, true).map(({ done }) => done), [7, 0]);
});

test("a new task stands first, and only on the first page", () => {
  const told = new Told().with(task("c", 3)).with(task("d", 4)).with(task("old", 0));
  const asked = [task("b", 2), task("a", 1)];
  assert.deepEqual(ids(told.applied(asked, true)), ["d", "c", "b", "a"]);
  assert.deepEqual(ids(told.applied(asked, false)), ["b", "a"]);
  assert.deepEqual(ids(told.applied([], true)), ["d", "c", "old"]);
});

test("what was deleted is shown no more, whatever an older answer says", () => {
  const told = new Told().with(task("c", 3)).without("c").without("a");
  assert.deepEqual(ids(told.applied([task("c", 3), task("b", 2), task("a", 1)], true)), ["b"]);
});

test("what is kept of a stream has a bound", () => {
  let told = new Told();
  for (let number = 0; number < 700; number += 1) told = told.with(task(`${number}`, 1)).without(`x${number}`);
  assert.equal(told.tasks.size, 500);
  assert.equal(told.gone.size, 500);
  assert.ok(told.tasks.has("699") && told.gone.has("x699"));
});
