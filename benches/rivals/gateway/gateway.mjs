// What a team would put in front of the vendor in Node: verify, decode, sharp, sign, send on. sharp, undici with
// keep-alive, node:crypto; everything but uploads passes through.
//
//   SEALPRESS_BASE_URL=… SEALPRESS_API_KEY=… SEALPRESS_SECRET=… RIVAL_HOME=… node gateway.mjs
//
// RIVAL_HOME is the folder of node_modules. Prints {"url":…} and ends on SIGTERM. No budget, no limits, no
// isolation: only the work itself.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(process.env.RIVAL_HOME + "/package.json");
const sharp = require("sharp");
const { Agent, request } = require("undici");

const base = process.env.SEALPRESS_BASE_URL.replace(/\/+$/, "");
const secret = process.env.SEALPRESS_SECRET;
// One thread per picture: many pictures at a time scale better than many threads on one.
sharp.concurrency(1);
sharp.cache(false);
const dispatcher = new Agent({ connections: 64 });

const sign = message => createHmac("sha256", secret).update(message).digest();

async function whole(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

async function pressed(body, signature) {
  const given = Buffer.from(signature ?? "", "hex");
  if (given.length !== 32 || !timingSafeEqual(given, sign(body))) return null;
  const json = JSON.parse(body);
  const content = json.image.content;
  const jpeg = await sharp(Buffer.from(content.slice(content.indexOf(",") + 1), "base64"))
    .rotate()
    .resize(1920, 1920, { fit: "inside", withoutEnlargement: true })
    .jpeg({ quality: 85 })
    .toBuffer();
  json.image.content = `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  return Buffer.from(JSON.stringify(json));
}

const server = createServer(async (from, to) => {
  try {
    let body = await whole(from);
    const headers = { "x-auth-client": from.headers["x-auth-client"], "content-type": "application/json" };
    if (from.method === "POST" && /^\/v1\/sessions\/[^/]+\/media$/.test(from.url)) {
      body = await pressed(body, from.headers["x-hmac-signature"]);
      if (body === null) return to.writeHead(401).end();
      headers["x-hmac-signature"] = sign(body).toString("hex");
    } else if (from.headers["x-hmac-signature"]) {
      headers["x-hmac-signature"] = from.headers["x-hmac-signature"];
    }
    const answer = await request(base + from.url, { method: from.method, headers, body, dispatcher });
    const { "transfer-encoding": _, ...kept } = answer.headers;
    to.writeHead(answer.statusCode, kept).end(Buffer.from(await answer.body.arrayBuffer()));
  } catch (error) {
    to.writeHead(502).end(String(error));
  }
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
process.on("SIGTERM", () => process.exit(0));
