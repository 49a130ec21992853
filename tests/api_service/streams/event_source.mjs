// What a page has and Node lacks: an EventSource as the HTML standard has it, and addresses relative to the page.
// The code of docs/streams.md runs after this.


globalThis.location = new URL(process.env.PAGE);
const nodeFetch = globalThis.fetch;
globalThis.fetch = (url, options) => nodeFetch(new URL(url, location), options);

globalThis.EventSource = class EventSource extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;
  readyState = EventSource.CONNECTING;
  #lastEventId = "";
  #reconnectMs = 2000;
  #abort = new AbortController();

  constructor(url) {
    super();
    this.url = new URL(url, location);
    this.#run();
  }

  close() {
    this.readyState = EventSource.CLOSED;
    this.#abort.abort();
  }

  async #run() {
    while (this.readyState !== EventSource.CLOSED) {
      try {
        if (!await this.#connect()) return this.#fail();
      } catch { /* a network error: connect again */ }
      if (this.readyState === EventSource.CLOSED) return;
      this.readyState = EventSource.CONNECTING;
      this.#fire("error");
      await new Promise(done => setTimeout(done, this.#reconnectMs));
    }
  }

  async #connect() {
    const headers = {Accept: "text/event-stream", "Cache-Control": "no-store"};
    if (this.#lastEventId) headers["Last-Event-ID"] = this.#lastEventId;
    const response = await nodeFetch(this.url, {headers, signal: this.#abort.signal});
    const type = response.headers.get("content-type") ?? "";
    if (response.status !== 200 || type.split(";")[0].trim() !== "text/event-stream") return false;
    this.readyState = EventSource.OPEN;
    this.#fire("open");
    await this.#read(response.body.pipeThrough(new TextDecoderStream()));
    return true;
  }

  async #read(chunks) {
    let text = "", id = this.#lastEventId, type = "", data = [];
    for await (const chunk of chunks) {
      text += chunk;
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop();
      for (const line of lines) {
        const [, name, value] = line.match(/^([^:]*):? ?(.*)$/);
        if (line === "") {
          this.#lastEventId = id;
          if (data.length) this.#fire(type || "message", {data: data.join("\n"), lastEventId: id});
          type = "", data = [];
        } else if (name === "id" && !value.includes("\0")) id = value;
        else if (name === "event") type = value;
        else if (name === "data") data.push(value);
        else if (name === "retry" && /^[0-9]+$/.test(value)) this.#reconnectMs = Number(value);
      }
    }
  }

  #fail() {
    if (this.readyState === EventSource.CLOSED) return;
    this.readyState = EventSource.CLOSED;
    this.#fire("error");
  }

  #fire(type, values = {}) {
    if (this.readyState === EventSource.CLOSED && type !== "error") return;
    const event = Object.assign(new Event(type), values);
    this["on" + type]?.(event);
    this.dispatchEvent(event);
  }
};

const key = process.env.KEY;
const show = event => console.log(JSON.stringify(event));
