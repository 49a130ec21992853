/** Whole numbers beyond what JavaScript counts exactly, such as seeds of ComfyUI, stay as they were written. */

/** Where the browser cannot keep a number as it was written, it is what JavaScript makes of it. */
const exact = /** @type {any} */ (JSON);

/** @typedef {{rawJSON: string}} Written */

/**
 * @param {string} text
 * @returns {any} what JSON.parse makes of it, with large whole numbers as they were written
 */
export function parsed(text) {
  const kept = (/** @type {string} */ _, /** @type {any} */ value, /** @type {any} */ context) => (typeof value === "number" && context ? numberOf(context.source) : value);
  return exact.parse(text, kept);
}

/**
 * @param {string} text of a number
 * @returns {number | Written}
 */
export function numberOf(text) {
  const value = Number(text);
  const isLarge = Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(text);
  return isLarge && exact.rawJSON ? exact.rawJSON(text) : value;
}

/**
 * @param {any} value
 * @returns {value is Written}
 */
export const isWritten = (value) => Boolean(exact.isRawJSON?.(value));
