/** The first thing an operator sees: what is wrong, then how much there is to do, and who waits. */
import { html } from "../../common/html.js";
import { words as common } from "../../common/messages.js";
import { session } from "../../common/session.js";
import { duration, size } from "../../common/texts.js";
import { words } from "../messages.js";
import { FAST_MS, loaded, useResource } from "../resource.js";
import { to } from "../route.js";
import { Table } from "../table.js";
import { ofAll } from "../whose.js";
import { History } from "./history.js";
import { troublesOf } from "./troubles.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */

const RATE_MINUTES = 5;
const USABLE = ["up", "half-open"];

export function Overview() {
  const admin = session.value?.is_admin;
  const overview = useResource("/api/v1/overview", ofAll({ period: /** @type {const} */ ("hour") }), FAST_MS);
  const servers = useResource("/api/v1/servers", admin ? {} : null, FAST_MS);
  const pauses = useResource("/api/v1/queue/pauses", admin ? {} : null);
  const ready = useResource("/health/ready", {}, FAST_MS);
  // All at once: what came later would push down what one reads already.
  const isEarly = [overview, ready, ...(admin ? [servers, pauses] : [])].some(({ data, error }) => !data && !error);
  if (isEarly) return html`<h1 class="hidden">${words.views.overview}</h1><p class="empty" role="status">${common.loading}</p>`;
  return html`<h1 class="hidden">${words.views.overview}</h1>
    ${loaded(overview, (data) => {
      // What lacks is said with a 503 too.
      const seen = { overview: data, servers: servers.data?.items ?? [], ready: ready.error?.body ?? ready.data, pauses: pauses.data?.items ?? [], isAdmin: Boolean(admin) };
      return html`<${Troubles} found=${troublesOf(seen)} />
        <${Cards} overview=${data} servers=${servers.data?.items} />`;
    })}
    ${overview.data && admin && html`<${Waiting} users=${overview.data.users} />`}
    <${History} hour=${overview} />`;
}

/** @param {{found: import("./troubles.js").Trouble[]}} props */
function Troubles({ found }) {
  if (!found.length) return html`<p class="well" role="status"><span aria-hidden="true">✓</span> ${words.noTrouble}</p>`;
  return html`<section class="troubles" aria-labelledby="troubles"><h2 id="troubles">${words.trouble}</h2>
    <ul>${found.map(({ what, why, remedy, view, isBad }) => html`<li class=${isBad ? "bad" : "warn"} key=${what}>
      <strong>${view ? html`<a href=${`#/${view}`}>${what}</a>` : what}</strong>
      ${why && html`<span>${why}</span>`}
      ${remedy && html`<span>${remedy}</span>`}
    </li>`)}</ul>
  </section>`;
}

/** @param {{overview: Schemas["OverviewView"], servers?: Schemas["ServerView"][]}} props */
function Cards({ overview, servers }) {
  const waiting = Object.entries(overview.waiting).sort(([one], [other]) => Number(other) - Number(one));
  const total = waiting.reduce((sum, [, count]) => sum + Number(count), 0);
  const usable = servers?.filter(({ state }) => USABLE.includes(state));
  return html`<dl class="cards">
    <${Card} name=${words.waiting} value=${total} href=${to("jobs", { status: "queued" })}
      more=${[...waiting.map(([priority, count]) => words.waitingOf(count, priority)), ...(overview.scheduled ? [words.scheduled(overview.scheduled)] : [])].join(", ")} />
    <${Card} name=${words.oldest} value=${overview.oldest_wait_s === null ? words.none : duration(overview.oldest_wait_s)} />
    <${Card} name=${words.running} value=${overview.running} href=${to("jobs", { status: "running" })} />
    ${usable && html`<${Card} name=${words.slots} value=${words.of(slotsOf("used", usable), slotsOf("total", usable))} href=${to("servers")} />`}
    <${Card} name=${words.done} value=${rate(overview, "completed")} />
    <${Card} name=${words.failedRate} value=${rate(overview, "failed")} href=${to("failures")} />
    <${Card} name=${words.stored} value=${size(overview.stored_bytes)} />
  </dl>`;
}

/**
 * @param {"used" | "total"} name
 * @param {Schemas["ServerView"][]} of
 */
const slotsOf = (name, of) => of.reduce((sum, server) => sum + server.slots[name], 0);

/** @param {{name: string, value: string | number, more?: string, href?: string}} props */
function Card({ name, value, more, href }) {
  return html`<div class="card"><dt>${href ? html`<a href=${href}>${name}</a>` : name}</dt><dd>${value}</dd>${more && html`<dd class="soft small">${more}</dd>`}</div>`;
}

/**
 * Jobs a minute, of the last minutes.
 * @param {Schemas["OverviewView"]} overview
 * @param {"completed" | "failed"} end
 */
function rate(overview, end) {
  const since = Date.parse(overview.at) - RATE_MINUTES * 60_000;
  const ended = overview.ended.filter((one) => Date.parse(one.at) >= since);
  const each = ended.reduce((/** @type {number} */ sum, one) => sum + one[end], 0) / RATE_MINUTES;
  return each && each < 10 ? each.toFixed(1) : Math.round(each);
}

/** @param {{users: Schemas["UserWorkView"][]}} props */
function Waiting({ users }) {
  if (!users.length) return html`<p class="soft">${words.nobodyWaits}</p>`;
  const rows = users.map((user) => html`<tr key=${user.user_id}>
    <th scope="row"><a href=${to("jobs", { user_id: user.user_id, status: "queued" })}>${user.name}</a></th>
    <td>${user.waiting}</td><td>${user.oldest_wait_s === null ? words.none : duration(user.oldest_wait_s)}</td><td>${user.running}</td></tr>`);
  return html`<section class="card"><h2>${words.whose}</h2>
    <${Table} label=${words.whose} columns=${[words.user, words.waiting, words.oldest, words.running]} rows=${rows} empty="" />
  </section>`;
}
