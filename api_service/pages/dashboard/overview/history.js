/** How it was over an hour, a day or a month: a chart for each thing that an operator asks after. */
import { useState } from "preact/hooks";
import { html } from "../../common/html.js";
import { session } from "../../common/session.js";
import { words } from "../messages.js";
import { Ended } from "./ended.js";
import { FleetCharts } from "./fleet_charts.js";
import { GpuHours } from "./gpu_hours.js";
import { LENGTHS } from "./periods.js";

/** @param {{hour: import("../resource.js").Resource<import("../../common/calls.js").Schemas["OverviewView"]>}} props what is asked for in any case */
export function History({ hour }) {
  const [period, choose] = useState(/** @type {import("./periods.js").Period} */ ("hour"));
  const names = /** @type {import("./periods.js").Period[]} */ (Object.keys(LENGTHS));
  return html`<section aria-labelledby="history">
    <div class="row history"><h2 id="history" class="grow">${words.history}</h2>
      <div class="row periods" role="group" aria-label=${words.period}>
        ${names.map((name) => html`<button class="chip" aria-pressed=${name === period} onClick=${() => choose(name)}>${words.periods[name]}</button>`)}
      </div></div>
    <div class="charts">
      <${Ended} hour=${hour} period=${period} />
      ${session.value?.is_admin ? html`<${FleetCharts} period=${period} />` : html`<${GpuHours} />`}
    </div>
  </section>`;
}
