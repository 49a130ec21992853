/** What this browser remembers. Nothing secret is kept here. */
import { parsed, written } from "./numbers.js";

const PREFIX = "genonaut.";

/**
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function stored(name, otherwise) {
  try {
    const found = localStorage.getItem(PREFIX + name);
    return found === null ? otherwise : parsed(found);
  } catch {
    return otherwise;
  }
}

/**
 * @param {string} name
 * @param {any} value
 */
export function store(name, value) {
  try {
    localStorage.setItem(PREFIX + name, written(value));
  } catch {
    // A browser that keeps nothing forgets this at a reload.
  }
}
