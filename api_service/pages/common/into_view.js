/** What comes further down than one sees: on a phone nobody would know of it. */
import { useEffect, useRef } from "preact/hooks";

const SEEN = 120; // pixels of something that are enough to see that it is there

/** @param {Element | null} one that is shown if it lies below the window */
export function showBelow(one) {
  if (one && one.getBoundingClientRect().top > innerHeight - SEEN) one.scrollIntoView({ behavior: "smooth", block: "start" });
}

/** For what a link opens below a list. @returns {import("preact").RefObject<HTMLElement>} of its element */
export function useInView() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => showBelow(box.current), []);
  return box;
}
