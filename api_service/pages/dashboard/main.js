/** The dashboard: what waits, what runs, what is wrong, and what to do about it. */
import { useEffect, useRef } from "preact/hooks";
import { html } from "../common/html.js";
import { followEverybody, listen } from "../common/live.js";
import { session } from "../common/session.js";
import { words as common } from "../common/messages.js";
import { show } from "../common/shell.js";
import { Users } from "./accounts/users.js";
import "./dashboard.css";
import { Failures } from "./failures.js";
import { Job } from "./jobs/job.js";
import { Jobs } from "./jobs/jobs.js";
import { words } from "./messages.js";
import { Overview } from "./overview/overview.js";
import { Question } from "./question.js";
import { route, to } from "./route.js";
import { Schedules } from "./schedules/schedules.js";
import { Servers } from "./servers/servers.js";
import { Tasks } from "./tasks/tasks.js";
import { Webhooks } from "./webhooks/webhooks.js";

/** @type {{name: keyof typeof words.views, View: any, adminsOnly?: boolean}[]} */
const VIEWS = [
  { name: "overview", View: Overview },
  { name: "jobs", View: Jobs },
  { name: "servers", View: Servers, adminsOnly: true },
  { name: "users", View: Users, adminsOnly: true },
  { name: "failures", View: Failures },
  { name: "webhooks", View: Webhooks },
  { name: "tasks", View: Tasks },
  { name: "schedules", View: Schedules },
];

function Dashboard() {
  const { view, id } = route.value;
  const seen = VIEWS.filter(({ adminsOnly }) => !adminsOnly || session.value?.is_admin);
  const shown = seen.find(({ name }) => name === view);
  const name = id && view === "jobs" ? words.jobTitle(Number(id)) : shown ? words.views[shown.name] : words.title;
  useEffect(() => void (document.title = `${name} · ${common.product}`), [name]);
  const views = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => center(views.current), [view]);
  return html`<div class="dashboard">
    <nav class="views" ref=${views} aria-label=${words.title}>
      ${seen.map(({ name }) => html`<a href=${to(name)} aria-current=${name === view ? "page" : undefined}>${words.views[name]}</a>`)}
    </nav>
    <section class="view">
      ${!shown && html`<${NotHere} isForAdmins=${VIEWS.some(({ name }) => name === view)} />`}
      ${shown && view === "jobs" && id ? html`<${Job} key=${id} id=${id} />` : shown && html`<${shown.View} key=${view} id=${id} />`}
    </section>
    <${Question} />
  </div>`;
}

/**
 * On a phone the views are a line that scrolls, and the one that is open may be beyond its end.
 * `scrollIntoView` would also let Tab begin there, behind the link that leads to the content.
 * @param {HTMLElement | null} views
 */
function center(views) {
  const open = views?.querySelector("[aria-current]")?.getBoundingClientRect();
  if (!views || !open) return;
  const line = views.getBoundingClientRect();
  views.scrollLeft += (open.left + open.right - line.left - line.right) / 2;
}

/** @param {{isForAdmins: boolean}} props */
function NotHere({ isForAdmins }) {
  const [title, hint] = isForAdmins ? [words.adminsOnly, words.adminsOnlyHint] : [words.noView, words.noViewHint];
  return html`<div class="empty"><h1>${title}</h1><p>${hint}</p><p><a class="button" href=${to("overview")}>${words.toOverview}</a></p></div>`;
}

void show("dashboard", Dashboard, async () => {
  if (session.value?.is_admin) followEverybody();
  // On each view: what is lost is shown, and what is shown is asked for anew once it is mended.
  listen(() => {});
});
