/** Preact without a build step: templates as tagged text. */
import { h, options, render } from "preact";
import htm from "htm";

export const html = htm.bind(h);
export { render };

/** @type {Record<string, string>} */
const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };

// What is no table to the eye, since styles make cards of its rows, stays one for who reads by ear.
options.vnode = (/** @type {any} */ { type, props }) => {
  if (type === "th") props.role ??= props.scope === "row" ? "rowheader" : "columnheader";
  else if (typeof type === "string" && type in ROLES) props.role ??= ROLES[type];
};
