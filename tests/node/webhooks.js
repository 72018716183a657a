// Verifies requests of webhooks with the library that receivers use.
"use strict";
const { Webhook, WebhookVerificationError } = require("standardwebhooks");
const { readFileSync } = require("node:fs");
const { deepStrictEqual, throws } = require("node:assert");

const { secret, requests } = JSON.parse(readFileSync(0, "utf8"));
const webhook = new Webhook(secret);
for (const { body, headers } of requests) {
  deepStrictEqual(webhook.verify(body, headers), JSON.parse(body));
  throws(() => webhook.verify(`${body} `, headers), WebhookVerificationError, "a body that was changed is taken");
}
console.log(`${requests.length} verified`);
