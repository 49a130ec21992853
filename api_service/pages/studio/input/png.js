/** Finds the workflow that ComfyUI writes into its pictures: a text named `prompt` in a PNG. */
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const LONGEST = 8_000_000; // bytes of one text

/**
 * @param {ArrayBuffer} buffer the file
 * @returns {string | null}
 */
export function workflowInPng(buffer) {
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  if (!SIGNATURE.every((byte, index) => bytes[index] === byte)) return null;
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IEND" || at + 12 + length > bytes.length) return null;
    const text = type === "tEXt" && length <= LONGEST ? bytes.subarray(at + 8, at + 8 + length) : null;
    const end = text ? text.indexOf(0) : -1;
    if (text && new TextDecoder("latin1").decode(text.subarray(0, end)) === "prompt") {
      return new TextDecoder("utf-8").decode(text.subarray(end + 1));
    }
    at += 12 + length;
  }
  return null;
}
