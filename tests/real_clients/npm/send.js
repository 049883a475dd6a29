// Sends a text with web-push, and prints the status of the answer: send.js SUBSCRIPTION VAPID_KEYS TEXT OPTIONS
"use strict";

const webpush = require("web-push");

const [subscription, vapidKeys, text, options] = process.argv.slice(2);
const vapidDetails = { subject: "mailto:admin@example.org", ...JSON.parse(vapidKeys) };

webpush.sendNotification(JSON.parse(subscription), text, { vapidDetails, ...JSON.parse(options) }).then(
  (answer) => console.log(answer.statusCode),
  (refused) => {
    console.error(refused);
    if (refused.statusCode === undefined) process.exit(1);
    console.log(refused.statusCode);
  },
);
