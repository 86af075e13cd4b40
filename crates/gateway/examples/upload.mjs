#!/usr/bin/env node
// The vendor's documented calls with Node's own fetch (undici): a session, files of any supported kind, the submission.
// Nothing here knows of a gateway: VERIFF_URL is the vendor's base URL, or a gateway's.
//
//   VERIFF_URL=http://127.0.0.1:8080 VERIFF_KEY=… VERIFF_SECRET=… node upload.mjs document-front=front.heic

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

const { VERIFF_URL, VERIFF_KEY, VERIFF_SECRET } = process.env;
const sign = bytes => createHmac("sha256", VERIFF_SECRET).update(bytes).digest("hex");

async function call(method, path, value) {
  const body = JSON.stringify(value); // the bytes that are signed are the bytes that are sent
  const headers = { "X-AUTH-CLIENT": VERIFF_KEY, "X-HMAC-SIGNATURE": sign(body), "Content-Type": "application/json" };
  const answer = await fetch(VERIFF_URL + path, { method, headers, body });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${bytes}`);
  if (answer.headers.get("x-hmac-signature") !== sign(bytes)) throw new Error("the answer is not the vendor's");
  return JSON.parse(bytes);
}

const session = (await call("POST", "/v1/sessions", { verification: { vendorData: "customer-4411" } })).verification.id;
for (const argument of process.argv.slice(2)) {
  const [context, name] = argument.split("=", 2);
  const content = "data:image/jpeg;base64," + (await readFile(name)).toString("base64");
  const { image } = await call("POST", `/v1/sessions/${session}/media`, { image: { context, content } });
  console.log(`${context}: ${image.id} ${image.mimetype} ${image.size} bytes`);
}
const { verification } = await call("PATCH", `/v1/sessions/${session}`, { verification: { status: "submitted" } });
console.log(`${session}: ${verification.status}`);
