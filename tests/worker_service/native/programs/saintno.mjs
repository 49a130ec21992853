// @saintno/comfyui-sdk as its readme has it: `node saintno.mjs MODULES URL KEY WORKFLOW`.
import { readFile } from "node:fs/promises";

const [modules, url, key, workflow] = process.argv.slice(2);
const { CallWrapper, ComfyApi, PromptBuilder } = await import(`${modules}/@saintno/comfyui-sdk/build/index.esm.js`);

const graph = JSON.parse(await readFile(workflow, "utf8"));
const api = new ComfyApi(url, undefined, { credentials: { type: "bearer_token", token: key } });
await api.init(5, 500).waitForReady();

function run(prompt) {
  return new Promise((resolve) => {
    new CallWrapper(api, prompt)
      .onFinished((data) => resolve(data))
      .onFailed((error) => resolve({ failed: error.message }))
      .run();
  });
}

const builder = (seed) =>
  new PromptBuilder(graph, ["seed"], ["images"]).setInputNode("seed", "3.inputs.seed").setOutputNode("images", "9").input("seed", seed);

const made = [];
for (const found of await Promise.all([run(builder(1)), run(builder(2))])) {
  for (const image of found.images?.images ?? []) {
    made.push(Buffer.from(await (await api.getImage(image)).arrayBuffer()).toString("latin1", 1, 4));
  }
}
const uploaded = await api.uploadImage(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), "cat.png");
const seen = {
  made,
  uploaded: uploaded?.info.filename,
  queue: await api.getQueue(),
  histories: Object.keys(await api.getHistories(10)).length,
  devices: (await api.getSystemStats()).devices.length,
  checkpoints: await api.getCheckpoints(),
  defs: Object.keys(await api.getNodeDefs("KSampler")),
  extensions: await api.getExtensions(),
  embeddings: await api.getEmbeddings(),
  remaining: (await api.pollStatus()).exec_info.queue_remaining,
  features: Object.keys(await api.getFeatures()).length,
  free: await api.freeMemory(true, true),
};
process.stdout.write(`${JSON.stringify(seen)}\n`);
// The server holds the next one until it is to be interrupted.
await new Promise((resolve) => process.stdin.once("data", resolve));
api.on("progress", async () => {
  await api.interrupt();
  process.stdout.write("interrupted\n");
}, { once: true });
process.stdout.write(`${JSON.stringify(await run(builder(3)))}\n`);
process.exit(0);
