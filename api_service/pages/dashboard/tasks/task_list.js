/** A page of tasks as it was asked for, with what a stream has told since. */

/** @typedef {import("../../common/calls.js").Schemas["TaskView"]} Task */

/** More than a stream begins with; of those before, the page is asked for again. */
const MOST_KEPT = 500;

/** What a stream has told. It is never changed: what is told next makes another. */
export class Told {
  /**
   * @param {ReadonlyMap<string, Task>} tasks
   * @param {ReadonlySet<string>} gone
   */
  constructor(tasks = new Map(), gone = new Set()) {
    this.tasks = tasks;
    this.gone = gone;
  }

  /**
   * @param {Task} task
   * @returns {Told} with this task as it is now
   */
  with(task) {
    const others = [...this.tasks].filter(([id]) => id !== task.id).slice(1 - MOST_KEPT);
    return new Told(new Map([...others, [task.id, task]]), this.gone);
  }

  /**
   * @param {string} id
   * @returns {Told} without that task, for good
   */
  without(id) {
    return new Told(this.tasks, new Set([...[...this.gone].slice(1 - MOST_KEPT), id]));
  }

  /**
   * The tasks of a page as they are now.
   * @param {Task[]} page as it was answered, the newest first
   * @param {boolean} isFirst whether tasks that are newer than all of it belong to it
   * @returns {Task[]}
   */
  applied(page, isFirst) {
    const known = new Set(page.map(({ id }) => id));
    const newest = page.length ? Date.parse(page[0].created_at) : -Infinity;
    const added = isFirst ? [...this.tasks.values()].filter((task) => !known.has(task.id) && Date.parse(task.created_at) >= newest) : [];
    added.sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at));
    return [...added, ...page.map((task) => newerOf(task, this.tasks.get(task.id)))].filter(({ id }) => !this.gone.has(id));
  }
}

/**
 * @param {Task} asked
 * @param {Task | undefined} told
 * @returns {Task} which of the two was changed last; of the same, what was asked for may have newer addresses
 */
function newerOf(asked, told) {
  const isOther = told !== undefined && told.updated_at !== asked.updated_at;
  return isOther && Date.parse(told.updated_at) >= Date.parse(asked.updated_at) ? told : asked;
}
