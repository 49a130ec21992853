/** What the studio finds in a PNG. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { workflowInPng } from "../../../api_service/pages/studio/input/png.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * @param {string} type
 * @param {string} content
 */
function chunk(type, content) {
  const data = new TextEncoder().encode(content);
  const length = [data.length >>> 24, data.length >>> 16, data.length >>> 8, data.length].map((byte) => byte & 255);
  return [...length, ...new TextEncoder().encode(type), ...data, 0, 0, 0, 0];
}

/** @param {number[][]} chunks */
const png = (...chunks) => new Uint8Array([...SIGNATURE, ...chunks.flat(), ...chunk("IEND", "")]).buffer;

test("the text named prompt is the workflow", () => {
  const found = workflowInPng(png(chunk("IHDR", "x"), chunk("tEXt", "workflow\0{}"), chunk("tEXt", 'prompt\0{"1": "é"}')));
  assert.equal(found, '{"1": "é"}');
});

test("a picture without one, another file and a cut one have none", () => {
  assert.equal(workflowInPng(png(chunk("IDAT", "prompt\0{}"))), null);
  assert.equal(workflowInPng(new TextEncoder().encode("GIF89a, and so on").buffer), null);
  assert.equal(workflowInPng(png(chunk("tEXt", "prompt\0{}")).slice(0, 20)), null);
});

test("a length beyond the file ends the search", () => {
  const lying = new Uint8Array([...SIGNATURE, 255, 255, 255, 255, ...new TextEncoder().encode("tEXtprompt")]);
  assert.equal(workflowInPng(lying.buffer), null);
});
