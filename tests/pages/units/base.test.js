/** Addresses of this service, from what the API names and from what the pages say, below a path of a proxy or not. */
import assert from "node:assert/strict";
import { test } from "node:test";

const HOST = "https://example.org";
const FILE = "/api/v1/generation-jobs/1/outputs/0";

Object.assign(globalThis, { document: { baseURI: `${HOST}/studio` } });
const { address, socketAddress } = await import("../../../api_service/pages/common/base.js");

for (const path of ["", "/pictures", "/make/pictures", "/api", "/ws"]) {
  test(`below "${path}" the path comes once, whatever the API says of itself`, () => {
    const from = new URL(`${HOST}${path}/`);
    const here = `${HOST}${path}${FILE}`;
    for (const said of [FILE, FILE.slice(1), here]) assert.equal(address(said, from), here, said);
    // Without ROOT_PATH a whole URL has the host that was asked, and no path.
    if (path !== "/api") assert.equal(address(`${HOST}${FILE}`, from), here);
    assert.equal(address("session", from), `${HOST}${path}/session`);
    assert.equal(socketAddress("/ws/jobs/1", from), `wss://example.org${path}/ws/jobs/1`);
    assert.equal(address("https://elsewhere.org/x", from), "https://elsewhere.org/x");
  });
}

test("what ROOT_PATH has put before an address is not put there again", () => {
  const from = new URL(`${HOST}/make/pictures/`);
  assert.equal(address(`/make/pictures${FILE}`, from), `${HOST}/make/pictures${FILE}`);
  assert.equal(socketAddress("/make/pictures/ws/jobs", from), "wss://example.org/make/pictures/ws/jobs");
});
