/** The events of a job, from the first one on; new ones as they happen. */
import { useEffect, useState } from "preact/hooks";
import { address } from "../../common/base.js";
import { html } from "../../common/html.js";
import { words as common } from "../../common/messages.js";
import { at } from "../../common/texts.js";
import { words } from "../messages.js";

const LAST = ["completed", "failed", "cancelled", "expired", "deleted"];

/** @param {{id: number}} props */
export function Timeline({ id }) {
  const [events, setEvents] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    const source = new EventSource(address(`api/v1/generation-jobs/${id}/events`));
    const heard = (/** @type {MessageEvent} */ { data }) => {
      const event = JSON.parse(data);
      setEvents((old) => [...old.filter((one) => one.sequence !== event.sequence), event]);
      if (LAST.includes(event.type)) source.close();
    };
    for (const type of Object.keys(words.events)) source.addEventListener(type, heard);
    return () => source.close();
  }, [id]);
  if (!events.length) return html`<p class="soft">${common.loading}</p>`;
  return html`<ol class="timeline">${events.map((event) => html`<li key=${event.sequence}>
    <time class="soft" datetime=${event.at} title=${at(event.at)}>${new Date(event.at).toLocaleTimeString("en")}</time>
    <span>${words.events[/** @type {keyof typeof words.events} */ (event.type)]}
      ${event.data.server && html` <span class="soft">${event.data.server}</span>`}
      ${event.data.message && html`<span class="soft clamped" title=${event.data.message}>${event.data.message}</span>`}</span></li>`)}</ol>`;
}
