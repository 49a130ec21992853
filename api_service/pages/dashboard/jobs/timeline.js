/** The events of a job, from the first one on; new ones as they happen. */
import { html } from "../../common/html.js";
import { words as common } from "../../common/messages.js";
import { at, inWords } from "../../common/texts.js";
import { words } from "../messages.js";

/** @param {{events: import("./job_live.js").Event[], said: (string | undefined)[]}} props `said` stands in full elsewhere: here it is named */
export function Timeline({ events, said }) {
  if (!events.length) return html`<p class="soft">${common.loading}</p>`;
  return html`<ol class="timeline">${events.map((event) => html`<li key=${event.sequence}>
    <time class="soft" datetime=${event.at} title=${at(event.at)}>${new Date(event.at).toLocaleTimeString("en")}</time>
    <span>${words.events[/** @type {keyof typeof words.events} */ (event.type)]}
      ${event.data.server && html` <span class="soft">${event.data.server}</span>`}
      ${event.data.message && said.includes(event.data.message) ? html` <span class="soft">${inWords(event.data.code)}</span>` : event.data.message && html`<span class="soft clamped" title=${event.data.message}>${event.data.message}</span>`}</span></li>`)}</ol>`;
}
