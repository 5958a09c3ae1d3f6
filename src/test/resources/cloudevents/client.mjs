// Sends events with the official SDK and compares what comes back: node client.mjs <server's URL>.
// Prints what it has checked as JSON; fails with what differs.
import assert from "node:assert/strict";
import sdk from "cloudevents";

const { CloudEvent, HTTP } = sdk;
const server = process.argv[2];
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const PATIENCE_MS = 60_000;

/** Every attribute, and data of each kind. */
function events(topic) {
  const shared = {
    specversion: "1.0",
    source: `/shop/${topic}`,
    type: "order.paid",
    subject: "42",
    time: "2026-01-31T12:00:00.125Z",
    dataschema: "https://example.com/schema",
    partitionkey: "customer 7",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  return [
    { id: "json", datacontenttype: "application/json", data: { price: 15, city: "Zürich €" } },
    { id: "text", datacontenttype: "text/plain", data: 'a "text" from Zürich' },
    { id: "bytes", datacontenttype: "image/png", data: new Uint8Array([1, 255, 0, 128]) },
    // Without data, but with a type: in binary mode the SDK sends one for every event.
    { id: "none", datacontenttype: "application/json" },
  ].map((own) => new CloudEvent({ ...shared, ...own }));
}

async function post(path, message, status) {
  const response = await fetch(new URL(path, server), {
    method: "POST",
    headers: message.headers,
    body: message.body,
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = await response.text();
  assert.equal(response.status, status, `${path}: ${text}`);
  return text;
}

/** As plain values, without what the server adds for the consumer. */
function plain(event) {
  const { sluicereceipt, sluiceattempt, ...rest } = JSON.parse(JSON.stringify(event));
  return rest;
}

function assertSame(expected, found, how) {
  const byId = new Map(found.map((event) => [event.id, event]));
  assert.equal(found.length, expected.length, `${how}: the number of events`);
  for (const event of expected) {
    const same = byId.get(event.id);
    assert.ok(same, `${how}: ${event.id} did not come`);
    assert.ok(same.validate(), `${how}: ${event.id} is not valid`);
    assert.deepEqual(plain(same), plain(event), `${how}: ${event.id}`);
  }
}

/** Everything that waits for a group, in the form that is asked for. */
async function receive(topic, group, count, accept, read) {
  const found = [];
  while (found.length < count) {
    const headers = { "content-type": "application/json", accept };
    const path = `/v1/groups/${group}/topics/${topic}/receive`;
    found.push(...read(await post(path, { headers, body: '{"wait":"30s"}' }, 200)));
  }
  return found;
}

/** The message of the binary mode that a consumer makes of a delivered message's properties. */
function binaryMessage(message) {
  const headers = {};
  for (const [name, value] of Object.entries(message.properties)) {
    if (name.startsWith("CE_") && name !== "CE_contenttype") {
      headers[`ce-${name.slice(3)}`] = value;
    }
  }
  if (message.contentType) {
    headers["content-type"] = message.contentType;
  }
  let body = message.body || undefined;
  if (message.json !== undefined) {
    body = JSON.stringify(message.json);
  } else if (message.bodyBase64 !== undefined) {
    body = new Uint8Array(Buffer.from(message.bodyBase64, "base64"));
  }
  return { headers, body };
}

async function assertComesBack(topic, sent) {
  const binary = await receive(topic, `${topic}-binary`, sent.length, "application/json", (text) =>
    JSON.parse(text).messages.map((message) => HTTP.toEvent(binaryMessage(message))),
  );
  assertSame(sent, binary, `${topic}, received as messages with properties`);
  const batch = await receive(topic, `${topic}-batch`, sent.length, BATCH, (text) =>
    HTTP.toEvent({ headers: { "content-type": BATCH }, body: text }),
  );
  for (const event of batch) {
    assert.ok(event.sluicereceipt, `${event.id} has no receipt`);
    assert.equal(event.sluiceattempt, 1);
  }
  assertSame(sent, batch, `${topic}, received as a batch`);
  assertSame(sent, await stream(topic, sent.length), `${topic}, streamed`);
}

/** Structured events, one by one, of the stream of server-sent events. */
async function stream(topic, count) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  const path = `/v1/topics/${topic}/stream?from=earliest&format=cloudevents`;
  const response = await fetch(new URL(path, server), { signal: stop.signal });
  assert.equal(response.status, 200);
  const found = [];
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines.filter((each) => each.startsWith("data:"))) {
      const message = { headers: { "content-type": STRUCTURED }, body: line.slice(5).trim() };
      found.push(HTTP.toEvent(message));
    }
    if (found.length >= count) {
      break;
    }
  }
  clearTimeout(timer);
  stop.abort();
  return found;
}

async function exchangeOverSocket(topic, sent) {
  const found = [];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the socket is slow")), PATIENCE_MS);
    const socket = new WebSocket(new URL("/v1/ws", server.replace("http", "ws")), "sluice.v1.json");
    const say = (frame) => socket.send(JSON.stringify(frame));
    const end = (settle, value) => {
      clearTimeout(timer);
      socket.close();
      settle(value);
    };
    let confirmed = 0;
    socket.onerror = (event) => end(reject, new Error(`the socket failed: ${event.message}`));
    socket.onopen = () => {
      const group = `${topic}-socket`;
      say({ type: "subscribe", sub: "s", topic, group, ack: "auto", format: "cloudevents" });
      for (const event of sent) {
        const structured = JSON.parse(HTTP.structured(event).body);
        say({ type: "publish", id: event.id, topic, event: structured });
      }
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "error") {
        end(reject, new Error(data));
      } else if (frame.type === "ok") {
        confirmed += 1;
      } else if (frame.type === "message") {
        const body = JSON.stringify(frame.event);
        found.push(HTTP.toEvent({ headers: { "content-type": STRUCTURED }, body }));
      }
      if (confirmed === sent.length && found.length === sent.length) {
        end(resolve);
      }
    };
  });
  assertSame(sent, found, "over a socket");
}

const checked = [];

const binary = events("binary");
for (const event of binary) {
  await post("/v1/topics/binary/messages", HTTP.binary(event), 201);
}
await assertComesBack("binary", binary);
checked.push("binary");

const structured = events("structured");
for (const event of structured) {
  await post("/v1/topics/structured/messages", HTTP.structured(event), 201);
}
await assertComesBack("structured", structured);
checked.push("structured");

const batch = events("batch");
const body = JSON.stringify(batch);
await post("/v1/topics/batch/messages", { headers: { "content-type": BATCH }, body }, 200);
await assertComesBack("batch", batch);
checked.push("batch");

if (typeof WebSocket === "function") {
  await exchangeOverSocket("socket", events("socket"));
  checked.push("socket");
}

console.log(JSON.stringify(checked));
