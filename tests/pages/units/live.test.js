/** How the pages follow the previews of a job. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

/** The sockets that were made, as far as a page sees them. @type {any[]} */
let made = [];

class Socket {
  static CONNECTING = 0;
  readyState = 0;
  isClosed = false;
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;

  constructor() {
    made.push(this);
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  close() {
    assert.notEqual(this.readyState, Socket.CONNECTING, "a browser warns of this in its console");
    this.isClosed = true;
  }
}

Object.assign(globalThis, { WebSocket: Socket, document: { baseURI: "http://127.0.0.1/" }, location: { protocol: "http:" } });
const { listenToPreviews } = await import("../../../api_service/pages/common/live.js");

const PREVIEW = { data: '{"type": "preview", "data": {"media_type": "image/png", "image": "aGk="}}' };

beforeEach(() => {
  made = [];
});

test("a preview is shown as the address of its picture", () => {
  /** @type {string[]} */
  const shown = [];
  listenToPreviews(1, (picture) => shown.push(picture));
  made[0].open();
  made[0].onmessage(PREVIEW);
  assert.deepEqual(shown, ["data:image/png;base64,aGk="]);
});

test("who stops listening before the socket is open closes it once it is", () => {
  const end = listenToPreviews(1, () => assert.fail("nobody listens"));
  end();
  assert.equal(made[0].isClosed, false);
  made[0].open();
  made[0].onmessage?.(PREVIEW);
  assert.equal(made[0].isClosed, true);
});

test("who stops listening later closes it at once", () => {
  const end = listenToPreviews(1, () => {});
  made[0].open();
  end();
  assert.equal(made[0].isClosed, true);
});
