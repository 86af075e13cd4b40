#!/usr/bin/env python3
"""The vendor's documented calls with `requests`: a session, files of any supported kind, the submission.

Nothing here knows of a gateway: VERIFF_URL is the vendor's base URL, or a gateway's.

    VERIFF_URL=http://127.0.0.1:8080 VERIFF_KEY=… VERIFF_SECRET=… python3 upload.py document-front=front.heic
"""

import base64, hashlib, hmac, json, mimetypes, os, sys

import requests

URL, KEY, SECRET = (os.environ[name] for name in ("VERIFF_URL", "VERIFF_KEY", "VERIFF_SECRET"))


def call(method, path, value):
    body = json.dumps(value).encode()  # the bytes that are signed are the bytes that are sent
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-AUTH-CLIENT": KEY, "X-HMAC-SIGNATURE": signature, "Content-Type": "application/json"}
    answer = requests.request(method, URL + path, data=body, headers=headers, timeout=120)
    answer.raise_for_status()
    signed = hmac.new(SECRET.encode(), answer.content, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(answer.headers["x-hmac-signature"], signed), "the answer is not the vendor's"
    return answer.json()


session = call("POST", "/v1/sessions", {"verification": {"vendorData": "customer-4411"}})["verification"]["id"]
for argument in sys.argv[1:]:
    context, name = argument.split("=", 1)
    with open(name, "rb") as file:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        content = f"data:{kind};base64,{base64.b64encode(file.read()).decode()}"
    image = call("POST", f"/v1/sessions/{session}/media", {"image": {"context": context, "content": content}})["image"]
    print(f"{context}: {image['id']} {image['mimetype']} {image['size']} bytes")
print(f"{session}: {call('PATCH', f'/v1/sessions/{session}', {'verification': {'status': 'submitted'}})['verification']['status']}")
