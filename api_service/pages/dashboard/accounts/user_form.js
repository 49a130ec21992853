/** What a user may have: a share of the servers, jobs at once, and how much in a month. */
import { patch } from "../../common/api.js";
import { html } from "../../common/html.js";
import { toast } from "../../common/toasts.js";
import { fleet } from "../fleet_messages.js";
import { Field, FormDialog } from "../form_dialog.js";

/** @typedef {import("../../common/calls.js").Schemas["UserView"]} User */

export const HOUR_S = 3_600;

/** @param {{user: User, close: () => void, reload: () => Promise<void>}} props */
export function UserForm({ user, close, reload }) {
  const { gpu_seconds: seconds, jobs } = user.budget;
  const send = async (/** @type {FormData} */ said) => {
    const body = {
      weight: Number(said.get("weight")),
      running_jobs_limit: numberIn(said, "limit") ?? null,
      budget: { ...part("gpu_seconds", seconds, numberIn(said, "hours"), HOUR_S), ...part("jobs", jobs, numberIn(said, "jobs"), 1) },
    };
    await patch("/api/v1/users/{user_id}", { path: { user_id: user.id }, body });
    toast(fleet.changed);
    await reload();
  };
  return html`<${FormDialog} title=${fleet.changeUser(user.name)} verb=${fleet.save} send=${send} close=${close}>
    <${Field} name="weight" label=${fleet.weight} hint=${fleet.shareHint} type="number" min="0.01" max="100" step="any" required value=${user.weight} />
    <${Field} name="limit" label=${fleet.limit} hint=${fleet.asInstalled} type="number" min="0" value=${user.running_jobs_limit ?? ""} />
    <${Field} name="hours" label=${fleet.hoursOfMonth} hint=${fleet.budgetHint} type="number" min="0" step="any" value=${seconds ? seconds / HOUR_S : (seconds ?? "")} />
    <${Field} name="jobs" label=${fleet.jobsOfMonth} type="number" min="0" value=${jobs ?? ""} />
  <//>`;
}

/**
 * @param {FormData} said
 * @param {string} name
 * @returns {number | undefined} nothing where nothing was typed
 */
function numberIn(said, name) {
  const text = String(said.get(name)).trim();
  return text ? Number(text) : undefined;
}

/**
 * A part of a budget. Nothing typed is as this installation says, unless it was "as much as wanted" before.
 * @param {string} name
 * @param {number | null | undefined} before
 * @param {number | undefined} typed
 * @param {number} unit
 */
function part(name, before, typed, unit) {
  if (typed !== undefined) return { [name]: Math.round(typed * unit) };
  return before === null ? { [name]: null } : {};
}
