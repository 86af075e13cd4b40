#!/usr/bin/env python3
"""Uploads files to a new session and submits it: Python's standard library and nothing else.

    SEALPRESS_BASE_URL=http://127.0.0.1:PORT SEALPRESS_API_KEY=… SEALPRESS_SECRET=… \
        python3 upload.py document-front=front.jpg face=selfie.jpg
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import urllib.request

BASE = os.environ["SEALPRESS_BASE_URL"].rstrip("/")
KEY = os.environ["SEALPRESS_API_KEY"]
SECRET = os.environ["SEALPRESS_SECRET"].encode()


def sign(message: bytes) -> str:
    return hmac.new(SECRET, message, hashlib.sha256).hexdigest()


def call(method: str, path: str, value=None) -> dict:
    # The bytes that are signed must be the bytes that are sent: serialize once.
    body = b"" if value is None else json.dumps(value).encode()
    # GET and DELETE sign the id in the path instead.
    message = body if method in ("POST", "PATCH") else path.split("/")[3].encode()
    headers = {"X-AUTH-CLIENT": KEY, "X-HMAC-SIGNATURE": sign(message), "Content-Type": "application/json"}
    request = urllib.request.Request(BASE + path, data=body or None, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        raw = answer.read()
        if not hmac.compare_digest(answer.headers["x-hmac-signature"], sign(raw)):
            raise SystemExit("the answer is not signed by the server that knows our secret")
        return json.loads(raw)


session = call("POST", "/v1/sessions", {"verification": {"person": {"firstName": "Approve"}}})["verification"]["id"]
for argument in sys.argv[1:]:
    context, _, name = argument.partition("=")
    with open(name, "rb") as file:
        content = "data:image/jpeg;base64," + base64.b64encode(file.read()).decode()
    image = call("POST", f"/v1/sessions/{session}/media", {"image": {"context": context, "content": content}})["image"]
    print(f"{context}: {image['id']} {image['mimetype']} {image['size']} bytes")
print(f"{session}: " + call("PATCH", f"/v1/sessions/{session}", {"verification": {"status": "submitted"}})["verification"]["status"])
