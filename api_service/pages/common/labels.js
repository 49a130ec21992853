/** Labels as one types them: "a100, nvlink". Which words are labels, the API says (shared/texts/labels.py). */
const WORD = "[a-zA-Z0-9][a-zA-Z0-9._\\-]{0,63}";
const MOST = 16;

/** What a field for labels may hold, as its `pattern`. */
export const LABELS = `[\\s,]*(?:${WORD}(?:[\\s,]+${WORD}){0,${MOST - 1}})?[\\s,]*`;

/**
 * @param {string} text
 * @returns {string[]} each once, as typed
 */
export function labelsIn(text) {
  return [...new Set(text.toLowerCase().split(/[\s,]+/).filter(Boolean))];
}
