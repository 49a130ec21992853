/** What the form sends, and how a job fills it again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, USUAL } from "../../../api_service/pages/common/job_body.js";
import { settingsOf } from "../../../api_service/pages/studio/form/settings.js";

test("what is not set is not sent", () => {
  const body = bodyOf({ ...USUAL, prompt: " a cat ", checkpoint: "a" });
  assert.equal(body.prompt, "a cat");
  assert.ok(!("negative_prompt" in body) && !("image" in body) && !("seed" in body.sampler_params));
});

test("a picture to begin with goes along with its mask and how much may change", () => {
  const image = { id: "7", name: "cat.png", url: "blob:x", full: "blob:x" };
  const body = bodyOf({ ...USUAL, image, mask: { id: "8", url: "blob:y", strokes: [] }, denoise: 0.4 });
  const reference = (id) => ({ __type: "core/ASSET", info: { id } });
  assert.deepEqual([body.image, body.mask, body.denoise], [reference("7"), reference("8"), 0.4]);
});

test("the settings of a job make the same job", () => {
  const from = { ...USUAL, prompt: "a", negative: "b", checkpoint: "c", seed: 5, steps: 9, loras: [{ name: "d", strength: 0.5 }] };
  assert.deepEqual(bodyOf({ ...from, ...settingsOf(bodyOf(from)) }), bodyOf(from));
});

test("a mask says which of its parts are repainted, and a file of the servers goes by its name", () => {
  const image = { id: "", name: "cat.png", url: "", full: "", file: "cat.png" };
  const mask = { id: "8", url: "blob:y", strokes: [], areas: /** @type {const} */ ("transparent") };
  const body = bodyOf({ ...USUAL, image, mask });
  assert.deepEqual([body.image, body.mask, body.mask_areas], ["cat.png", { __type: "core/ASSET", info: { id: "8" } }, "transparent"]);
});
