/** The studio: make pictures on the left, see them come on the right. */
import { html } from "../common/html.js";
import { show } from "../common/shell.js";
import { Card } from "./results/card.js";
import { loadCheckpoints } from "./form/choices.js";
import { Form } from "./form/form.js";
import { takeGiven } from "./input/given_picture.js";
import { takeWhatComes } from "./input/input_picture.js";
import { isMasking, MaskDialog } from "./input/mask/mask_dialog.js";
import { jobs, loadJobs } from "./results/jobs.js";
import { words } from "./messages.js";
import { workflow } from "./form/settings.js";
import "./studio.css";
import { WorkflowForm } from "./workflow/workflow_box.js";

function Studio() {
  return html`<div class="studio">
    <section class="controls" aria-label=${words.title}>${workflow.value ? html`<${WorkflowForm} />` : html`<${Form} />`}</section>
    <section class="results" aria-label=${words.emptyTitle}>
      <h1 class="hidden">${words.title}</h1>
      ${jobs.value.length
        ? jobs.value.map((job) => html`<${Card} key=${job.id} job=${job} />`)
        : html`<div class="empty"><h2>${words.emptyTitle}</h2><p>${words.empty}</p></div>`}
    </section>
    ${isMasking.value && html`<${MaskDialog} />`}
  </div>`;
}

takeWhatComes();
void show("studio", Studio, async () => {
  await Promise.all([loadCheckpoints(), loadJobs(), takeGiven()]);
});
