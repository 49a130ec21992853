/** What a job was asked to do, and by whom. */
import { html } from "../../common/html.js";
import { written } from "../../common/numbers.js";
import { session } from "../../common/session.js";
import { at } from "../../common/texts.js";
import { words } from "../messages.js";
import { useResource } from "../resource.js";
import { to } from "../route.js";

/** @typedef {import("../../common/calls.js").Schemas["DetailedJobView"]} Job */

const NAMED_AGAIN_MS = 600_000;

/** @param {{job: Job}} props */
export function Request({ job }) {
  const user = useResource("/api/v1/users/{user_id}", session.value?.is_admin ? { path: { user_id: job.user_id } } : null, NAMED_AGAIN_MS);
  /** @type {Record<string, any>} */
  const asked = { ...job.sampler_params, ...job };
  /** @type {Record<string, () => any>} */
  const links = {
    parent_id: () => html`<a href=${to(`jobs/${job.parent_id}`)}>${job.parent_id}</a>`,
    user_id: () => html`<a href=${to("jobs", { user_id: job.user_id })}>${user.data?.name ?? job.user_id}</a>`,
  };
  // Without a picture to begin with, all of it is made.
  if (job.job_type === "image" && !job.params.image) delete asked.denoise;
  const rows = Object.entries(words.asked).filter(([name]) => textOf(name, asked[name]));
  return html`<dl class="facts">${rows.map(([name, label]) => html`<dt key=${name}>${label}</dt><dd>${links[name]?.() ?? textOf(name, asked[name])}</dd>`)}</dl>`;
}

/**
 * @param {string} name
 * @param {any} value
 * @returns {string} nothing where nothing was asked for
 */
function textOf(name, value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map((one) => one.name ?? one).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([key, one]) => `${key}: ${typeof one === "object" ? written(one) : one}`).join(", ");
  return name.endsWith("_at") ? at(value) : String(value);
}
