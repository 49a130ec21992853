/** A schedule: when, in which time zone, and the job that is made each time. */
import { patch, post } from "../../common/api.js";
import { html } from "../../common/html.js";
import { parsed, written } from "../../common/numbers.js";
import { at } from "../../common/texts.js";
import { toast } from "../../common/toasts.js";
import { fleet } from "../fleet_messages.js";
import { Choice, Field, FormDialog } from "../form_dialog.js";
import { words } from "../messages.js";
import { bodyOf, lastSettings } from "../../common/job_body.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */
/** @typedef {Schemas["ScheduleView"]} Schedule */

const HOURLY = "0 * * * *";

/** @param {{schedule: Schedule | null, close: () => void, reload: () => Promise<void>}} props null is a new one */
export function ScheduleForm({ schedule, close, reload }) {
  const send = async (/** @type {FormData} */ said) => {
    const body = bodyFrom(said);
    const answer = schedule
      ? await patch("/api/v1/schedules/{schedule_id}", { path: { schedule_id: schedule.id }, body: changesOf(body, schedule) })
      : await post("/api/v1/schedules", { body });
    toast([answer.next_runs[0] ? fleet.runsNext(at(answer.next_runs[0])) : fleet.runsNever, ...answer.notes].join(" "));
    await reload();
  };
  const job = schedule ? schedule.job : bodyOf(lastSettings());
  return html`<${FormDialog} title=${schedule ? fleet.changeSchedule(schedule.name) : fleet.makeSchedule} verb=${schedule ? fleet.save : words.add} send=${send} close=${close}>
    <${Field} name="name" label=${fleet.name} required maxlength="255" value=${schedule?.name ?? ""} />
    <div class="row"><${Field} name="cron" label=${fleet.cron} required maxlength="100" value=${schedule?.cron ?? HOURLY} spellcheck=${false} />
      <${Field} name="time_zone" label=${fleet.timeZone} required maxlength="64" value=${schedule?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone} /></div>
    <p class="soft small">${fleet.cronHint}</p>
    <${Choice} name="overlap" label=${fleet.overlap} value=${schedule?.overlap ?? "skip"} options=${fleet.overlaps} />
    <${Choice} name="missed" label=${fleet.missed} value=${schedule?.missed ?? "run_once"} options=${fleet.misses} />
    <${Field} name="job" label=${fleet.jobOfSchedule} hint=${schedule ? "" : fleet.jobHint}>
      <textarea id="form-job" name="job" rows="8" required spellcheck=${false} class="mono">${written(job, 2)}</textarea>
    <//>
  <//>`;
}

/**
 * A job that stays is not sent: its secrets are shown as stars.
 * @param {Schemas["ScheduleBody"]} body
 * @param {Schedule} schedule
 */
function changesOf({ job, ...others }, schedule) {
  return written(job) === written(schedule.job) ? others : { ...others, job };
}

/**
 * @param {FormData} said
 * @returns {Schemas["ScheduleBody"]} rejects a job that is no JSON with a sentence
 */
function bodyFrom(said) {
  const text = (/** @type {string} */ name) => String(said.get(name)).trim();
  let job;
  try {
    job = parsed(text("job"));
  } catch (error) {
    throw new Error(`${fleet.notJson} ${/** @type {Error} */ (error).message}`);
  }
  return { name: text("name"), cron: text("cron"), time_zone: text("time_zone"), overlap: /** @type {any} */ (text("overlap")), missed: /** @type {any} */ (text("missed")), job };
}
