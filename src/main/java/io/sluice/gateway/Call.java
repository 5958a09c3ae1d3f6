package io.sluice.gateway;

import io.vertx.core.Future;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.function.Consumer;

/** One HTTP request beside the hot path, and how its handler answers it. Owned by an event loop. */
final class Call {

  final Loop loop;
  final HttpServerRequest request;
  final HttpServerResponse response;
  final Connections.Tracked connection;

  /** Who calls; anyone where the path is open to all. */
  final Caller caller;

  private final RoutingContext routing;

  Call(Loop loop, RoutingContext routing, Connections.Tracked connection, Caller caller) {
    this.loop = loop;
    this.caller = caller;
    this.routing = routing;
    this.connection = connection;
    request = routing.request();
    response = routing.response();
  }

  /** The topic in the path, checked. */
  String topic() {
    return TopicNames.checkUsable(routing.pathParam("topic"));
  }

  /** The group in the path, checked. */
  String group() {
    return TopicNames.checkGroup(routing.pathParam("group"));
  }

  /** A part of the path as it is. */
  String pathParam(String name) {
    return routing.pathParam(name);
  }

  /** Checks that the request has no query, and none of our headers: nothing here reads them. */
  void checkPlain() {
    plainQuery();
  }

  /** The query, of a request that has none of our headers. */
  Query plainQuery(String... known) {
    SluiceHeaders.readPlain(request.headers());
    return query(known);
  }

  /** The query, with the names that are allowed. */
  Query query(String... known) {
    return Query.read(request.query(), List.of(known));
  }

  /** Reads the body, if there is one. */
  void body(RequestBody.Receiver receiver) {
    RequestBody.read(loop, request, connection, loop.options.maxMessageBytes(), receiver);
  }

  /** Reads a body that is one JSON object; an empty one counts as {@code {}}. */
  void jsonBody(List<String> known, Fields.Taker taker, Runnable then) {
    body(
        (bytes, from, length) -> {
          if (length > 0) {
            Fields.readObject(bytes, from, length, known, taker);
          }
          then.run();
        });
  }

  /** Waits for a future and hands its result on; a failure of either is answered. */
  <T> void await(Future<T> future, Consumer<T> then) {
    connection.begin();
    future.onComplete(
        done -> {
          connection.end();
          if (done.failed()) {
            fail(done.cause());
            return;
          }
          try {
            then.accept(done.result());
          } catch (RuntimeException e) {
            fail(e);
          }
        });
  }

  /** Answers with what a writer puts into the scratch text. */
  void json(int status, Consumer<JsonText> writer) {
    JsonText out = loop.json.clear();
    writer.accept(out);
    Answers.json(response, status, out);
  }

  void fail(Throwable failure) {
    RequestBody.drop(loop, request, connection, failure);
  }
}
