#!/usr/bin/env node
// Uploads files to a new session and submits it: Node's own fetch and crypto and nothing else.
//
//   SEALPRESS_BASE_URL=http://127.0.0.1:PORT SEALPRESS_API_KEY=… SEALPRESS_SECRET=… \
//     node upload.mjs document-front=front.jpg face=selfie.jpg

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";

const { SEALPRESS_BASE_URL, SEALPRESS_API_KEY, SEALPRESS_SECRET } = process.env;
const base = SEALPRESS_BASE_URL.replace(/\/+$/, "");
const sign = message => createHmac("sha256", SEALPRESS_SECRET).update(message).digest();

async function call(method, path, value) {
  // The bytes that are signed must be the bytes that are sent: serialize once.
  const body = value === undefined ? undefined : JSON.stringify(value);
  // GET and DELETE sign the id in the path instead.
  const message = ["POST", "PATCH"].includes(method) ? body : path.split("/")[3];
  const headers = {
    "X-AUTH-CLIENT": SEALPRESS_API_KEY,
    "X-HMAC-SIGNATURE": sign(message).toString("hex"),
    "Content-Type": "application/json",
  };
  const answer = await fetch(base + path, { method, headers, body, redirect: "error", signal: AbortSignal.timeout(120_000) });
  const raw = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${raw}`);
  const given = Buffer.from(answer.headers.get("x-hmac-signature") ?? "", "hex");
  if (given.length !== 32 || !timingSafeEqual(given, sign(raw))) {
    throw new Error("the answer is not signed by the server that knows our secret");
  }
  return JSON.parse(raw);
}

const created = await call("POST", "/v1/sessions", { verification: { person: { firstName: "Approve" } } });
const session = created.verification.id;
for (const argument of process.argv.slice(2)) {
  const [context, name] = argument.split("=", 2);
  const content = "data:image/jpeg;base64," + (await readFile(name)).toString("base64");
  const { image } = await call("POST", `/v1/sessions/${session}/media`, { image: { context, content } });
  console.log(`${context}: ${image.id} ${image.mimetype} ${image.size} bytes`);
}
const submitted = await call("PATCH", `/v1/sessions/${session}`, { verification: { status: "submitted" } });
console.log(`${session}: ${submitted.verification.status}`);
