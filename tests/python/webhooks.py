"""Verifies requests of webhooks with the library that receivers use."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
webhook = Webhook(given["secret"])
for request in given["requests"]:
    body, headers = request["body"], request["headers"]
    assert webhook.verify(body, headers) == json.loads(body)
    try:
        webhook.verify(body + " ", headers)
    except WebhookVerificationError:
        continue
    raise SystemExit("a body that was changed is taken")
print(len(given["requests"]), "verified")
