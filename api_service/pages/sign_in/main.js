/** Signs this browser in: with the code behind the # of a link, or with a key that is pasted. */
import { signal } from "@preact/signals";
import { post } from "../common/api.js";
import { address } from "../common/base.js";
import "../common/common.css";
import { html, render } from "../common/html.js";
import { Logo } from "../common/icons.js";
import { isOfNoAnswer } from "../common/messages.js";
import { applyTheme } from "../common/theme.js";
import { words } from "./messages.js";
import "./sign_in.css";

const problem = signal("");
const busy = signal(false);
const hasEnded = new URLSearchParams(location.search).has("ended");
const PAGE = /^(studio|gallery|dashboard)([?#]|$)/;

/** @param {{code?: string, key?: string}} body */
async function signIn(body) {
  busy.value = true;
  problem.value = "";
  try {
    await post("/session", { body });
    const then = new URLSearchParams(location.search).get("then") ?? "";
    location.replace(address(PAGE.test(then) ? then : "studio"));
  } catch (error) {
    problem.value = /** @type {Error} */ (error).message;
    busy.value = false;
  }
}

/** @param {SubmitEvent} event */
function submit(event) {
  event.preventDefault();
  const key = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("key")).trim();
  void signIn({ key });
}

function SignIn() {
  return html`<main class="sign-in card">
    <${Logo} side=${44} />
    <h1>${words.title}</h1>
    ${hasEnded && html`<p class="ended" role="status">${words.ended}</p>`}
    <form onSubmit=${submit}>
      <div class="field">
        <label for="key">${words.key}</label>
        <input id="key" name="key" type="password" autocomplete="off" required autofocus
          aria-invalid=${problem.value ? "true" : undefined} aria-describedby="problem help" />
        <p class="problem" id="problem" role="alert">${problem.value}</p>
      </div>
      <button class="primary" disabled=${busy.value}>${busy.value ? words.busy : words.go}</button>
    </form>
    <p class="soft" id="help">${words.help}</p>
  </main>`;
}

/** Take the code of a link, if there is one. */
function takeCode() {
  const code = location.hash.slice(1);
  if (!code) return;
  // It is good for nothing once it was sent, and is in no history either.
  history.replaceState(null, "", location.pathname + location.search);
  void signIn({ code });
}

applyTheme();
takeCode();
// A link that is opened where this page is already changes no more than what is behind the #.
addEventListener("hashchange", takeCode);
// There is no stream here whose return would tell.
addEventListener("online", () => isOfNoAnswer(problem.value) && (problem.value = ""));
render(html`<${SignIn} />`, /** @type {HTMLElement} */ (document.getElementById("page")));
