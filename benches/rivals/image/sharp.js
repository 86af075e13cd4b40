// sharp, one file per line of standard input (FILE<TAB>OUT), one line of JSON back. The folder of
// node_modules comes in SHARP_HOME, the settings in argv: "std" or "default".
const { createRequire } = require("node:module");
const fs = require("node:fs");
const sharp = createRequire(process.env.SHARP_HOME + "/package.json")("sharp");
sharp.concurrency(1);
sharp.cache(false);
const std = process.argv[2] === "std";
const lines = require("node:readline").createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    const [file, out] = line.split("\t");
    const bytes = fs.readFileSync(file);
    const begun = process.cpuUsage();
    let answer = {};
    try {
      const result = await sharp(bytes, { ignoreIcc: std })
        .rotate()
        .resize(1920, 1920, { fit: "inside", withoutEnlargement: true })
        .flatten({ background: "#fff" })
        .jpeg({ quality: 85, optimiseCoding: !std })
        .toBuffer();
      const used = process.cpuUsage(begun);
      answer = { cpu_ms: (used.user + used.system) / 1000, bytes: result.length, error: "" };
      if (out) fs.writeFileSync(out, result);
    } catch (e) {
      answer = { cpu_ms: 0, bytes: 0, error: String(e.message || e) };
    }
    const status = fs.readFileSync("/proc/self/status", "utf8");
    answer.rss_kb = Number(/VmHWM:\s+(\d+)/.exec(status)[1]);
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
})();
