/** What is wrong, in sentences, with what to do about it: the worst first. */
import { duration, withoutNumbers } from "../../common/texts.js";
import { fleet } from "../fleet_messages.js";

/** @typedef {import("../../common/calls.js").Schemas} Schemas */
/** @typedef {Schemas["ServerView"]} Server */
/** @typedef {{what: string, why?: string, remedy: string, view?: string, isBad: boolean}} Trouble */

const NAMED = 3; // users in a sentence
const PAUSED = "queue"; // the check that fails while it is
const GRAVE = ["wedged", "unreachable", "unfit"];

/**
 * @param {{overview: Schemas["OverviewView"], servers: Server[], ready: Schemas["ReadyView"] | null, pauses: Schemas["PausesView"]["items"], isAdmin: boolean}} seen
 * @returns {Trouble[]} with what an admin does about it, or what somebody else can
 */
export function troublesOf({ overview, servers, ready, pauses, isAdmin }) {
  const ofServers = servers.flatMap(ofServer);
  const ofAll = [...ofServers, ...checks(ready), ...pausesOf(ready, pauses)];
  const found = [...(isAdmin ? ofAll : ofAll.map(asOthersSeeIt)), ...waits(overview, isAdmin, ofServers.length > 0)];
  return found.sort((one, other) => Number(other.isBad) - Number(one.isBad));
}

/**
 * @param {Schemas["ReadyView"] | null} ready what `/health/ready` says
 * @returns {Trouble[]}
 */
function checks(ready) {
  return Object.entries(ready ?? {})
    .flatMap(([name, check]) => (typeof check === "object" && name !== PAUSED && !check.ok ? [{ name, check }] : []))
    .map(({ name, check }) => ({ what: fleet.checkFails(fleet.checks[name] ?? name, check.detail), remedy: fleet.ready[name] ?? "", view: name === "comfyui" ? "servers" : undefined, isBad: true }));
}

/**
 * That the queue is paused, once: by whom, where that may be seen.
 * @param {Schemas["ReadyView"] | null} ready
 * @param {Schemas["PausesView"]["items"]} pauses
 * @returns {Trouble[]}
 */
function pausesOf(ready, pauses) {
  const found = pauses.filter(({ scope }) => scope === PAUSED).map(pauseOf);
  if (found.length || (ready?.[PAUSED]?.ok ?? true)) return found;
  return [{ what: fleet.queueIsHeld, remedy: fleet.queuePausedDo, view: "servers", isBad: true }];
}

/**
 * @param {Schemas["PausesView"]["items"][number]} pause
 * @returns {Trouble}
 */
function pauseOf(pause) {
  return { what: fleet.queuePaused(pause.paused_by), why: pause.reason ?? undefined, remedy: fleet.queuePausedDo, view: "servers", isBad: true };
}

/**
 * @param {Server} server as the API shows it
 * @returns {Trouble[]}
 */
export function ofServer(server) {
  const { name, state } = server;
  if (state !== "up") {
    return [{ what: fleet.isSo(name, fleet.states[state] ?? state), why: reasonOf(server), remedy: fleet.doing[state] ?? "", view: "servers", isBad: GRAVE.includes(state) }];
  }
  if (server.stuck_since) return [{ what: fleet.stuck(name), why: sinceOf(server.stuck_since), remedy: fleet.doing.stuck, view: "servers", isBad: true }];
  return [];
}

/**
 * Why a server is as it is, and since when.
 * @param {Server} server
 */
export function reasonOf(server) {
  const since = server.wedged_since ?? server.unreachable_since ?? server.unfit_since ?? server.stuck_since;
  return [server.problem && withoutNumbers(server.problem), since && sinceOf(since)].filter(Boolean).join("; ");
}

/** @param {string} moment */
const sinceOf = (moment) => fleet.since(duration((Date.now() - Date.parse(moment)) / 1000));

/** @param {Trouble} trouble @returns {Trouble} */
const asOthersSeeIt = ({ what, why, isBad }) => ({ what, why, remedy: fleet.tellSomebody, isBad });

/**
 * @param {Schemas["OverviewView"]} overview
 * @param {boolean} isAdmin
 * @param {boolean} areInTrouble whether servers are
 * @returns {Trouble[]}
 */
function waits(overview, isAdmin, areInTrouble) {
  const oldest = overview.oldest_wait_s ?? 0;
  if (oldest < fleet.longWaitS) return [];
  const jobs = Number(Object.values(overview.waiting).reduce((sum, count) => sum + count, 0));
  if (!isAdmin) return [{ what: fleet.yoursWait(jobs, duration(oldest)), remedy: fleet.yoursWaitDo, view: "jobs?status=queued", isBad: false }];
  const users = overview.users.filter((user) => user.waiting);
  const names = users.slice(0, NAMED).map((user) => `${user.name} (${user.waiting})`).join(", ");
  return [{ what: fleet.waits(jobs, duration(oldest), names + (users.length > NAMED ? " …" : "")), remedy: areInTrouble ? fleet.waitsForServers : fleet.waitsDo, view: "jobs?status=queued", isBad: false }];
}
