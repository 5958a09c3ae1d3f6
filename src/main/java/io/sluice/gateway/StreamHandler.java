package io.sluice.gateway;

import io.sluice.bus.Filter;
import io.sluice.bus.StartPosition;

/** GET /v1/topics/{topic}/stream. Static; each call is owned by its event loop. */
final class StreamHandler {

  private static final String LAST_EVENT_ID = "Last-Event-ID";

  private StreamHandler() {}

  static void open(Call call, EventStreams streams) {
    SluiceHeaders.readPlain(call.request.headers());
    String topic = call.topic();
    Query query = call.query("from", "tag", "sql", "format");
    Filter filter = Filters.of(query.get("tag"), query.get("sql"));
    // What a client has seen is stronger than where it once wanted to start.
    String lastId = call.request.headers().get(LAST_EVENT_ID);
    String from = query.get("from");
    Position.From start =
        lastId != null && !lastId.isEmpty()
            ? Position.from(LAST_EVENT_ID, lastId)
            : from == null
                ? new Position.From(StartPosition.LATEST, null)
                : Position.from("from", from);
    boolean events = CloudEventFormat.of("format", query.get("format"));
    new EventStream(call, streams, topic, filter, events).start(start);
  }
}
