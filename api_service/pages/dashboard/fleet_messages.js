/** What the dashboard says of servers, users, failures, webhooks, tasks and schedules. */
export const fleet = {
  /** @type {Record<string, string>} */
  states: { up: "Works", unreachable: "Does not answer", unfit: "Cannot be used", wedged: "Wedged: runs nothing", draining: "Draining", open: "Rests after failures", "half-open": "Is being tried" },
  /** @type {Record<string, string>} */
  doing: {
    unreachable: "Start it, or look at the network between the workers and it. Its jobs wait or run elsewhere.",
    unfit: "Install ComfyUI 0.3.57 or newer there, then press Resume.",
    wedged: "Its thread has died: restart ComfyUI there. Its jobs are moved to other servers. It gets jobs again by itself.",
    draining: "It finishes what it has, and gets no more until you press Resume.",
    open: "Five jobs failed there within a minute. It is tried again after 30 s; look at its log.",
    "half-open": "It gets one job at a time until one ends well.",
    stuck: "Nothing is heard of what it runs. It may be loading a large model; if this lasts, look at its log.",
  },
  /** @type {Record<string, string>} */
  ready: {
    database: "Start PostgreSQL, or look at DATABASE_URL.",
    redis: "Start Redis, or look at REDIS_URL. Jobs are accepted and wait.",
    worker: "Start a worker. Jobs are accepted and wait.",
    comfyui: "Look at the servers.",
    storage: "Look at the disk and at STORAGE_URL.",
    clock: "Let NTP set the clock.",
  },
  /** @type {Record<string, string>} */
  checks: { database: "Database", redis: "Redis", worker: "Workers", comfyui: "Servers", storage: "Storage", clock: "Clock" },
  isSo: (/** @type {string} */ name, /** @type {string} */ state) => `Server ${name}: ${state.toLowerCase()}`,
  stuck: (/** @type {string} */ name) => `Server ${name} has said nothing for a while`,
  since: (/** @type {string} */ time) => `since ${time}`,
  checkFails: (/** @type {string} */ name, /** @type {string} */ detail) => `${name}: ${detail}`,
  waits: (/** @type {number} */ jobs, /** @type {string} */ time, /** @type {string} */ names) => `${jobs === 1 ? "1 job waits" : `${jobs} jobs wait`}, the oldest for ${time}: ${names}`,
  waitsDo: "More wait than the servers can take. See whose they are below; add a server, or resume one.",
  waitsForServers: "They wait for the servers above. Whose they are stands below.",
  yoursWait: (/** @type {number} */ jobs, /** @type {string} */ time) => `${jobs === 1 ? "1 of your jobs waits" : `${jobs} of your jobs wait`}, the oldest for ${time}`,
  yoursWaitDo: "They start by themselves, once servers are free.",
  tellSomebody: "Your jobs are kept and wait. If this lasts, tell whoever runs this service.",
  queuePaused: (/** @type {string} */ who) => `The queue is paused by ${who}`,
  queueIsHeld: "The queue is paused",
  queuePausedDo: "Jobs are accepted and wait. Press Resume on the page of servers.",
  longWaitS: 60,

  server: "Server", state: "State", slots: "Slots", checkpoint: "Model loaded", lastTrouble: (/** @type {string} */ what, /** @type {string} */ when) => `Last trouble: ${what}, ${when}`, seen: (/** @type {string} */ when) => `Seen ${when}`,
  drain: "Drain", resume: "Resume", removeIt: "Remove",
  drained: (/** @type {string} */ name) => `${name} gets no more jobs.`,
  resumed: (/** @type {string} */ name) => `${name} gets jobs again.`,
  reallyDrain: (/** @type {string} */ name) => `Give ${name} no more jobs? It finishes those it has.`,
  reallyRemove: (/** @type {string} */ name) => `Remove ${name}? Its jobs end there, and it gets no more.`,
  removed: (/** @type {string} */ name) => `${name} goes once its jobs have ended.`,
  addServer: "Add a server", url: "Address", slotsHint: "Jobs at a time", labels: "Labels", labelsHint: "a100, nvlink",
  changeServer: (/** @type {string} */ name) => `Change ${name}`, changedServer: (/** @type {string} */ name) => `${name} is changed.`,
  weightOf: "Weight", weighs: (/** @type {number} */ weight) => `weight ${weight}`, weightHint: "A server of weight 2 gets twice as many jobs as one of weight 1.", asConfigured: "Empty: as the workers' settings say.",
  credentials: "Credentials", sameCredentials: "Keep those it has", stillNone: "None, as before", noCredentials: "None", basic: "User and password", header: "A header",
  password: "Password", headerName: "Header", headerValue: "Value",
  added: "Added. Workers look at it within seconds.",
  pauseQueue: "Pause the queue", resumeQueue: "Resume the queue", queueIsPaused: "The queue is paused.", queueGoesOn: "Jobs start again.",
  reallyPause: "Start no job, until somebody resumes? Jobs are accepted and wait; those that run go on.",
  noServers: "No worker has seen a server yet", noServersHint: "Start a worker, and name servers in COMFYUI_URLS.",

  name: "Name", stored: "Stored", weight: "Share", limit: "Jobs at once", since_: "Since", keys: "Keys", change: "Change", save: "Save",
  changeUser: (/** @type {string} */ name) => `Change ${name}`, shareHint: "Of those who wait, a user of share 2 gets twice as many jobs started as one of share 1.", asInstalled: "Empty: as this installation says.",
  gpuHours: "GPU h, 30 d", jobsEnded: "Jobs, 30 d", budget: "A month", hoursOfMonth: "GPU hours in a month", jobsOfMonth: "Jobs in a month", budgetHint: "What is beyond it is refused until the next month. Empty: as this installation says.",
  hoursAMonth: (/** @type {number} */ hours) => `${Math.round(hours * 10) / 10} GPU hours`, jobsAMonth: (/** @type {number} */ jobs) => `${jobs} jobs`,
  limits: "Limits", moreOfKey: "End and limits", until: "Good until the end of", ownLimits: "Empty: as this installation says.", noOwnLimits: "as installed",
  /** @type {Record<keyof import("../common/calls.js").Schemas["LimitsBody"], string>} */
  limitNames: { requests_per_minute: "Requests a minute", submissions_per_hour: "Jobs an hour", uploads_per_hour: "Uploads an hour", queued_jobs: "Jobs that wait", stored_bytes: "Bytes stored", open_streams: "Open streams", priority: "Highest priority" },
  noLimit: "no limit", makeUser: "New user", madeUser: "User made.", noUsers: "No users yet",
  keysOf: (/** @type {string} */ name) => `Keys of ${name}`, makeKey: "New key", madeKey: "Key made.", scopes: "May", lastUsed: "Last used", expires: "Ends",
  revoke: "Revoke", reallyRevoke: (/** @type {string} */ name) => `Revoke the key “${name}”? Who uses it is refused within a second.`, revoked: "Key revoked.",
  newKey: "This is the new key. It is shown this once: copy it now.", copy: "Copy", noKeys: "No keys yet", pauseUser: "Pause", resumeUser: "Resume",
  userPaused: "No job of this user starts.", userResumed: "Jobs of this user start again.",
  /** @type {Record<string, string>} */
  scopeNames: { "jobs:read": "see jobs", "jobs:write": "make jobs", admin: "do everything", native: "speak as ComfyUI does" },

  /** @type {Record<string, string>} */
  keyStates: { good: "Good", revoked: "Revoked", expired: "Expired" },
  /** @type {Record<string, string>} */
  deliveryStates: { pending: "Waiting", delivered: "Delivered", failed: "Failed" },

  groups: "Failures in groups", count: "Jobs", last: "Last", where: "Where", retryAll: "Retry all", mute: "Mute a week", unmute: "Unmute", showMuted: "Show muted ones too",
  muted: "Muted for a week.", unmuted: "You hear of it again.", noFailures: "No job has failed", noFailuresHint: "Jobs that fail in the same way are put together here.",
  quarantine: "Workflows in quarantine", quarantineHint: "These crash or hang one server after the other, and are not run.", release: "Release",
  released: "Released: its jobs run again.", attempts: "Attempts", noQuarantine: "No workflow is in quarantine", users: "Users",

  endpoint: "Address", events: "Events", works: "Works", disabled: "Off", fails: (/** @type {number} */ count) => `${count} failed in a row`,
  test: "Send a test", tested: "A test is on its way.", deliveries: "Deliveries", redeliver: "Send again", redeliverFailed: "Send all failed again",
  redelivered: "It is sent again.", tries: "Tries", answer: "Answer", noWebhooks: "You have no webhook", noWebhooksHint: "A webhook tells a program of yours when a job has ended. Make one with the button above.",
  noDeliveries: "Nothing was sent yet", turnOn: "Turn on", turnOff: "Turn off", ofJobs: "Addresses of single jobs", type: "Event",
  makeWebhook: "New webhook", changeWebhook: "Change the webhook", madeWebhook: "Webhook made.", changed: "Changed.", description: "Note",
  newSecret: "This is the secret that deliveries are signed with. It is shown this once: copy it now.", newSecretVerb: "New secret", secretMade: "The old secret holds for a day more.",
  reallyDropWebhook: "Delete this webhook? Nothing more is sent to it.", webhookGone: "Webhook deleted.",
  /** @type {Record<string, string>} */
  eventNames: { "job.completed": "job done", "job.failed": "job failed", "job.cancelled": "job cancelled", "job.expired": "job expired", "notification.created": "notifications" },
  testEvent: "test",
  deliveriesOf: (/** @type {string} */ url) => `Deliveries to ${url}`,

  kind: "What", progress: "Progress", result: "Result", file: "File", noTasks: "No tasks yet", noTasksHint: "What is done to many jobs at once is shown here.",
  taskCancelled: "It ends after its page.", taskDeleted: "Task deleted.",
  /** @type {Record<import("../common/calls.js").Schemas["TaskKind"], string>} */
  kinds: { delete_jobs: "Delete jobs", retry_jobs: "Retry jobs", cancel_jobs: "Cancel jobs", tag_jobs: "Tag jobs", prioritize_jobs: "Change priorities", report: "Report", export: "Export", import: "Import", thumbnails: "Make thumbnails", move_files: "Move files" },
  /** @type {Record<string, string>} */
  taskStates: { waiting: "Waiting", running: "Running", completed: "Done", failed: "Failed", cancelled: "Cancelled" },

  cron: "When", next: "Next", lastRun: "Last run", pause: "Pause", runNow: "Run now", ran: "A job was made.", paused: "Paused", active: "Active", failing: "Fails",
  makeSchedule: "New schedule", changeSchedule: (/** @type {string} */ name) => `Change ${name}`, timeZone: "Time zone",
  cronHint: "Minute, hour, day of the month, month, day of the week: 0 3 * * 1 is Mondays at three.",
  overlap: "If the job before still runs", overlaps: { skip: "leave this one out", queue: "wait for it" },
  missed: "If its time passed while nothing ran", misses: { run_once: "make one job then", skip: "leave it out" },
  jobOfSchedule: "The job, as JSON", jobHint: "This is what your studio is set to. A fixed seed makes the same picture each time.",
  notJson: "The job is no JSON:", runsNext: (/** @type {string} */ when) => `Saved. It runs next on ${when}.`, runsNever: "Saved. It is paused, or never runs.",
  reallyDropSchedule: (/** @type {string} */ name) => `Delete ${name}? No more jobs are made; those it made stay.`, scheduleGone: "Schedule deleted.",
  pausedIt: "Paused.", resumedIt: "Goes on.", noSchedules: "You have no schedule", noSchedulesHint: "A schedule makes a job again and again, such as each night. Make one with the button above.",
};
