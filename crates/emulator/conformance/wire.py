"""HTTP for the suite: `requests` where it is installed, the standard library otherwise."""

import hashlib
import hmac
import http.client
import json
import urllib.parse

try:
    import requests
except ImportError:
    requests = None


class Answer:
    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, {k.lower(): v for k, v in headers.items()}, content

    def json(self):
        return json.loads(self.content)

    @property
    def code(self):
        return self.json().get("code")

    def __repr__(self):
        return f"{self.status} {self.content[:300]!r}"


_session = requests.Session() if requests else None


def send(method, url, headers=None, body=b""):
    headers = dict(headers or {})
    if isinstance(body, str):
        body = body.encode()
    if _session:
        r = _session.request(method, url, headers=headers, data=body or None, allow_redirects=False, timeout=180)
        return Answer(r.status_code, r.headers, r.content)
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=180)
    c.request(method, u.path + ("?" + u.query if u.query else ""), body=body or None, headers=headers)
    r = c.getresponse()
    answer = Answer(r.status, dict(r.getheaders()), r.read())
    c.close()
    return answer


def sign(secret, message):
    if isinstance(message, str):
        message = message.encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def legacy(secret, message):
    if isinstance(message, str):
        message = message.encode()
    return hashlib.sha256(message + secret.encode()).hexdigest()
