/** How the page's one stream is of all jobs, or of one. */
import assert from "node:assert/strict";
import { test } from "node:test";

/** The sockets that were made, as far as a page sees them. @type {Socket[]} */
const made = [];

class Socket {
  static CONNECTING = 0;
  static OPEN = 1;
  readyState = 0;
  isClosed = false;
  /** @type {any} */ onopen = null;
  /** @type {any} */ onmessage = null;
  /** @type {any} */ onclose = null;

  /** @param {string} address */
  constructor(address) {
    this.path = address.replace("ws://127.0.0.1/", "");
    made.push(this);
  }

  open() {
    this.readyState = Socket.OPEN;
    this.onopen?.();
  }

  close() {
    assert.notEqual(this.readyState, Socket.CONNECTING, "a browser warns of this in its console");
    this.isClosed = true;
  }
}

Object.assign(globalThis, { WebSocket: Socket, document: { baseURI: "http://127.0.0.1/" }, location: { protocol: "http:" }, window: globalThis });
const { connection, followAll, followJob, listen, listenToPreviews } = await import("../../../api_service/pages/common/live.js");

const PREVIEW = { data: '{"type": "preview", "job_id": 7, "data": {"media_type": "image/png", "image": "aGk="}}' };
const newest = () => made[made.length - 1];
const living = () => made.filter(({ isClosed }) => !isClosed).length;

test("one stream is there at a time: of all jobs, of one, and of all again once that one has ended", () => {
  listen(() => {});
  const first = newest();
  assert.equal(first.path, "ws/jobs");
  // One that connects yet is closed once it is open.
  followJob(7);
  first.open();
  const second = newest();
  assert.deepEqual([first.isClosed, second.path, living()], [true, "ws/jobs/7?previews=true&last_event_id=0", 1]);
  second.open();
  assert.equal(connection.value, "live");
  second.isClosed = true;
  second.onclose({ code: 1000 });
  newest().open();
  assert.deepEqual([newest().path, living(), connection.value], ["ws/jobs", 1, "live"]);
});

test("who leaves a job that goes on hears of all jobs, and no more of what the other stream says", () => {
  followJob(7);
  const one = newest();
  one.open();
  /** @type {string[]} */
  const shown = [];
  const end = listenToPreviews(7, (picture) => shown.push(picture));
  const other = listenToPreviews(8, () => assert.fail("it is of another job"));
  one.onmessage(PREVIEW);
  assert.deepEqual(shown, ["data:image/png;base64,aGk="]);
  followAll();
  assert.deepEqual([one.isClosed, one.onmessage, newest().path, living()], [true, null, "ws/jobs", 1]);
  end();
  other();
  newest().open();
  newest().onmessage(PREVIEW);
  assert.equal(shown.length, 1);
});
