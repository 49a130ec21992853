/**
 * JSON with whole numbers beyond what JavaScript counts exactly, such as the seeds of ComfyUI: they are bigints here.
 * Nothing of it is left to the browser, since not every one says how a number was written, or writes one of such.
 */

const MAY_BE_LARGE = /\d{16}/;
/** A text, or a number in one group. Each begins where the one before has ended. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;
/** What stands before a large number while it is a text. No text of others begins with it. */
const MARK = `${crypto.getRandomValues(new BigUint64Array(2)).join("-")}:`;

/**
 * @param {string} text
 * @returns {any} what JSON.parse makes of it, with large whole numbers as bigints. Throws a SyntaxError
 */
export function parsed(text) {
  const usual = JSON.parse(text);
  if (!MAY_BE_LARGE.test(text)) return usual;
  const marked = text.replace(TOKENS, (token, number) => (number && typeof numberOf(number) === "bigint" ? `"${MARK}${number}"` : token));
  return JSON.parse(marked, (_, value) => (typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value));
}

/**
 * @param {string} text of a number
 * @returns {number | bigint}
 */
export function numberOf(text) {
  const value = Number(text);
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(text) ? BigInt(text) : value;
}

const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, "g");

/**
 * @param {any} value
 * @param {number} [indent]
 * @returns {string} as JSON.stringify makes it, with bigints as numbers
 */
export function written(value, indent) {
  return JSON.stringify(value, (_, one) => (typeof one === "bigint" ? MARK + one : one), indent)?.replace(MARKED, "$1");
}
