// An engine under test: @hyperframes/engine from npm, spoken to by the protocol of docs/protocol.md.
//
//   node hyperframes.mjs [FOLDER]     FOLDER holds node_modules/@hyperframes/engine (default: the current folder)
//
// It needs Node >= 22 (npm has it as `node@22`) and programs named ffmpeg and ffprobe on the PATH.
// CPU time is left to the harness: it accounts for this process and for every ffmpeg that this process starts.

import { mkdir, readFile, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const PROTOCOL = "hfbench-worker/1";
const FORMATS = ["jpg", "png"];
const TIMEOUT_MS = 300_000;

// Answers alone go to standard output; whatever the engine prints goes to standard error.
const answer = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

class Refusal extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const home = join(resolve(process.argv[2] ?? "."), "node_modules", "@hyperframes", "engine");
const { version } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
const { extractAllVideoFrames } = await import(
  pathToFileURL(join(home, "dist", "services", "videoFrameExtractor.js")).href
);
// Releases of 0.4 re-encode the wanted segment before they extract it; later ones do it in one pass. A rate as a
// fraction is understood by the later ones only.
const isOnePass = !version.startsWith("0.4.");
const axes = { backend: "hyperframes", scope: isOnePass ? "fused" : "segment" };

function hello() {
  const facts = { node: process.versions.node };
  return { protocol: PROTOCOL, name: "hyperframes", version, axes, capabilities: { formats: FORMATS }, facts };
}

// Numbers come as JSON numbers or as texts that spell one exactly: "1.5", "30000/1001".
function number(value, fallback) {
  if (value === null || value === undefined) return fallback;
  const [numerator, denominator = 1] = String(value).split("/").map(Number);
  return numerator / denominator;
}

function frameRate(value = 30) {
  const [num, den = 1] =
    typeof value === "object" ? Object.values(value).map(Number) : String(value).split("/").map(Number);
  if (Number.isInteger(num / den)) return num / den;
  return isOnePass && Number.isInteger(num) && Number.isInteger(den) ? { num, den } : num / den;
}

function video(clip) {
  const start = number(clip.start, 0);
  const length = number(clip.duration, Infinity);
  return {
    id: clip.id,
    src: clip.src,
    start,
    end: number(clip.end, start + length),
    mediaStart: number(clip.media_start, 0),
    playbackRate: number(clip.playback_rate, 1),
    loop: clip.loop ?? false,
    hasAudio: clip.has_audio ?? false,
  };
}

// HyperFrames' own definition of tmpFinalBytes: what is there right before clean-up.
async function bytesUnder(folder) {
  let total = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) total += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return total;
}

async function extract(request, out) {
  const { composition, options = {} } = request;
  await mkdir(out, { recursive: true });
  const config = { ffmpegProcessTimeout: TIMEOUT_MS };
  if (request.cache_folder) config.extractCacheDir = request.cache_folder;
  const settings = { fps: frameRate(composition.fps), outputDir: out, format: options.format ?? "jpg" };
  if (options.quality !== undefined) settings.quality = options.quality;
  const timelineEnd = number(composition.timeline_end, undefined);
  if (timelineEnd !== undefined) settings.timelineEnd = timelineEnd;
  const started = performance.now();
  // It changes the videos that it is given, so each run has its own.
  const result = await extractAllVideoFrames(composition.clips.map(video), out, settings, undefined, config);
  const videoExtractMs = performance.now() - started;
  if (!result.success) {
    throw new Refusal("extraction_failed", result.errors.map((each) => `${each.videoId}: ${each.error}`).join("; "));
  }
  return { result, videoExtractMs };
}

async function run(request) {
  const format = request.options?.format ?? "jpg";
  if (!FORMATS.includes(format)) throw new Refusal("unsupported", `format ${format}; it writes ${FORMATS.join(", ")}`);
  if (request.cache === "warm") await extract(request, join(request.out, "..", `warm-up-${request.id}`));
  const { result, videoExtractMs } = await extract(request, request.out);
  const { phaseBreakdown: phases } = result;
  const metrics = { videoExtractMs, cpuMs: null, tmpPeakBytes: null, tmpFinalBytes: await bytesUnder(request.out) };
  for (const name of [
    ...["resolveMs", "hdrProbeMs", "hdrPreflightMs", "vfrProbeMs", "vfrPreflightMs", "extractMs"],
    ...["hdrPreflightCount", "vfrPreflightCount", "cacheHits", "cacheMisses"],
  ]) {
    metrics[name] = phases[name] ?? null;
  }
  const frames = Object.fromEntries(result.extracted.map((each) => [each.videoId, each.totalFrames]));
  return { sample: { metrics, frames } };
}

const operations = { hello, run, bye: () => ({}) };

for await (const line of createInterface({ input: process.stdin })) {
  let message = {};
  let reply;
  try {
    message = JSON.parse(line);
    const operation = operations[message.op];
    if (!operation) throw new Refusal("unknown_op", `op ${message.op}; this engine knows hello, run, bye`);
    reply = { ok: true, ...(await operation(message)) };
  } catch (error) {
    const kind = error instanceof SyntaxError ? "bad_request" : (error.kind ?? "failed");
    reply = { ok: false, error: { kind, message: String(error.message).replaceAll(/\s+/g, " ") } };
  }
  if ("id" in message) reply.id = message.id;
  answer(`${JSON.stringify(reply)}\n`);
  if (message.op === "bye") break;
}
process.exit(0);
