#!/bin/sh
# The vendor's documented calls with curl and openssl: a session, files of any supported kind, the submission.
# Nothing here knows of a gateway: VERIFF_URL is the vendor's base URL, or a gateway's.
#
#   VERIFF_URL=http://127.0.0.1:8080 VERIFF_KEY=… VERIFF_SECRET=… sh upload.sh document-front=front.heic
set -eu
body=$(mktemp)
trap 'rm -f "$body"' EXIT

call() { # METHOD PATH, over the bytes in $body
    signature=$(openssl dgst -sha256 -hmac "$VERIFF_SECRET" -hex <"$body" | sed 's/.* //')
    curl --silent --show-error --fail-with-body --request "$1" "$VERIFF_URL$2" \
        --header "X-AUTH-CLIENT: $VERIFF_KEY" --header "X-HMAC-SIGNATURE: $signature" \
        --header "Content-Type: application/json" --data-binary "@$body"
}
field() { # the first string of this name in an answer
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

printf '{"verification":{"vendorData":"customer-4411"}}' >"$body"
session=$(call POST /v1/sessions | sed 's/.*"id":"\([^"]*\)".*/\1/')
for argument; do
    context=${argument%%=*}
    { printf '{"image":{"context":"%s","content":"data:image/jpeg;base64,' "$context"
      base64 -w 0 "${argument#*=}"
      printf '"}}'; } >"$body"
    echo "$context: $(call POST "/v1/sessions/$session/media" | field mimetype)"
done
printf '{"verification":{"status":"submitted"}}' >"$body"
echo "$session: $(call PATCH "/v1/sessions/$session" | field status)"
