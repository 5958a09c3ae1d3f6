package io.sluice.gateway;

import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Locale;

/**
 * Takes every request: sends and sockets at once, matched by hand, everything else through a
 * router. Owned by an event loop.
 */
final class Front {

  static final String NDJSON = "application/x-ndjson";
  static final String BATCH = "application/vnd.sluice.batch+json";

  private static final String TOPICS = "/v1/topics/";
  private static final String HEALTH = "/health/";
  private static final String MESSAGES = "/messages";
  private static final String CLOUD_EVENTS = "application/cloudevents";

  private final Loop loop;
  private final Connections connections;
  private final Sockets sockets;
  private final Router router;
  private final TopicNames topics = new TopicNames();

  Front(Loop loop, Connections connections, EventStreams streams, Sockets sockets) {
    this.loop = loop;
    this.connections = connections;
    this.sockets = sockets;
    router = router(Routes.all(streams));
  }

  /** Takes a request; from a client that does not read its answers, once it has read them. */
  void handle(HttpServerRequest request) {
    loop.counters.requests.increment();
    Connections.Tracked connection = connections.of(request.connection());
    connection.touch();
    if (connection.isOver()) {
      refuse(request, connection);
      return;
    }
    if (connection.isFull()) {
      request.pause();
      connection.whenWritten(
          () -> {
            take(request, connection);
            request.resume();
          });
      return;
    }
    take(request, connection);
  }

  private void take(HttpServerRequest request, Connections.Tracked connection) {
    try {
      String uri = request.uri();
      if (uri.startsWith(TOPICS) && request.method() == HttpMethod.POST) {
        int nameEnd = uri.indexOf('/', TOPICS.length());
        if (nameEnd > 0 && isSend(uri, nameEnd + MESSAGES.length(), nameEnd)) {
          send(request, connection, uri, uri.substring(TOPICS.length(), nameEnd));
          return;
        }
      }
      if (request.version() == null) {
        throw new SluiceException(
            ErrorCode.NOT_SUPPORTED, "this version of HTTP is not spoken here; use 1.1 or 2");
      }
      if (request.path().equals(Routes.SOCKET) && request.method() == HttpMethod.GET) {
        sockets.open(request, connections, connection);
        return;
      }
      router.handle(request);
    } catch (RuntimeException e) {
      RequestBody.drop(loop, request, connection, e);
    }
  }

  /**
   * One connection too many is told so and closed. Who asks for the health is answered all the
   * same: a gateway that is full is not dead.
   */
  private void refuse(HttpServerRequest request, Connections.Tracked connection) {
    connection.endSoon(request);
    if (request.path() != null && request.path().startsWith(HEALTH)) {
      take(request, connection);
    } else {
      RequestBody.drop(loop, request, connection, loop.gateway.connections().refusal());
    }
  }

  /** Answers what Netty could not read as a request. */
  void handleInvalid(HttpServerRequest request) {
    Throwable cause = request.decoderResult().cause();
    SluiceException error;
    if (cause instanceof TooLongHttpHeaderException) {
      error =
          new SluiceException(
              ErrorCode.HEADERS_TOO_LARGE,
              "the headers have more than the "
                  + loop.options.maxHeaderBytes()
                  + " bytes that are allowed; put less into properties");
    } else if (cause instanceof TooLongHttpLineException) {
      error =
          new SluiceException(
              ErrorCode.HEADERS_TOO_LARGE,
              "the request line has more than the "
                  + loop.options.maxRequestLineBytes()
                  + " bytes that are allowed; shorten the path or the query");
    } else {
      error =
          new SluiceException(
              ErrorCode.MALFORMED_REQUEST, "this is no HTTP request: " + cause.getMessage());
    }
    if (request.version() != HttpVersion.HTTP_2) {
      request.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
    }
    Answers.problem(loop, request.response(), error);
  }

  private static boolean isSend(String uri, int end, int from) {
    return uri.startsWith(MESSAGES, from) && (uri.length() == end || uri.charAt(end) == '?');
  }

  private void send(
      HttpServerRequest request, Connections.Tracked connection, String uri, String encodedTopic) {
    if (loop.gateway.draining()) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; send to another gateway");
    }
    String topic = topics.usable(encodedTopic);
    if (!loop.access.isOpen()) {
      caller(request).check(Permission.SEND, topic);
    }
    String type = request.headers().get(HttpHeaders.CONTENT_TYPE);
    boolean hasQuery = uri.indexOf('?') >= 0;
    if (type == null || (!hasQuery && !mayBeBatch(type))) {
      if (hasQuery) {
        Query.read(request.query(), List.of());
      }
      RequestBody.read(
          loop,
          request,
          connection,
          loop.options.maxMessageBytes(),
          new RawSend(loop, request, connection, topic, false));
      return;
    }
    sendTyped(request, connection, topic, mediaType(type));
  }

  private void sendTyped(
      HttpServerRequest request, Connections.Tracked connection, String topic, String type) {
    boolean lines = type.equals(NDJSON);
    boolean events = type.equals(CloudEvent.BATCH_TYPE);
    if (!lines && !events && !type.equals(BATCH)) {
      boolean isEvent = type.equals(CloudEvent.STRUCTURED_TYPE);
      if (!isEvent && type.startsWith(CLOUD_EVENTS)) {
        throw new SluiceException(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "events as "
                + type
                + " are not taken; send "
                + CloudEvent.STRUCTURED_TYPE
                + ", "
                + CloudEvent.BATCH_TYPE
                + ", or any type with ce- headers");
      }
      Query.read(request.query(), List.of());
      RequestBody.read(
          loop,
          request,
          connection,
          loop.options.maxMessageBytes(),
          new RawSend(loop, request, connection, topic, isEvent));
      return;
    }
    boolean atomic = Query.read(request.query(), List.of("atomic")).flag("atomic");
    BatchHeaders headers =
        SluiceHeaders.readBatch(request.headers(), loop.options.defaultAck(), events);
    if (lines && !atomic) {
      new NdjsonSend(loop, request, connection, topic, headers).start();
    } else {
      RequestBody.read(
          loop,
          request,
          connection,
          loop.options.maxMessageBytes(),
          new BatchSend(loop, request, connection, topic, headers, lines, atomic, events));
    }
  }

  private static boolean mayBeBatch(String type) {
    // Cheap: "application/x-ndjson", "application/vnd.sluice..." and "application/cloudevents...".
    if (type.length() <= 12 || (type.charAt(0) | 0x20) != 'a') {
      return false;
    }
    int c = type.charAt(12) | 0x20;
    return c == 'x' || c == 'v' || c == 'c';
  }

  private static String mediaType(String type) {
    int end = type.indexOf(';');
    return (end < 0 ? type : type.substring(0, end)).trim().toLowerCase(Locale.ROOT);
  }

  private Router router(List<Routes.Route> routes) {
    Router result = Router.router(loop.vertx);
    for (Routes.Route route : routes) {
      if (route.handler() != null) {
        io.vertx.ext.web.Route made =
            result
                .route(route.method(), vertxPath(route.path()))
                .handler(routing -> run(routing, route));
        if (Routes.takesHead(route)) {
          made.method(HttpMethod.HEAD);
        }
      }
    }
    result.errorHandler(404, this::notFound);
    result.errorHandler(405, this::wrongMethod);
    result.errorHandler(400, routing -> routingFailed(routing, ErrorCode.MALFORMED_REQUEST));
    result.errorHandler(500, routing -> routingFailed(routing, ErrorCode.INTERNAL));
    return result;
  }

  private void run(RoutingContext routing, Routes.Route route) {
    HttpServerRequest request = routing.request();
    Permission permission = route.permission();
    try {
      Caller caller = permission == null ? Caller.ANYONE : caller(request);
      if (permission != null) {
        caller.check(permission, routing.pathParam("topic"));
      }
      Call call = new Call(loop, routing, connections.of(request.connection()), caller);
      route.handler().handle(call);
    } catch (RuntimeException e) {
      fail(routing, e);
    }
  }

  private Caller caller(HttpServerRequest request) {
    return loop.access.of(request, loop.clock.nowMs());
  }

  private void notFound(RoutingContext routing) {
    fail(
        routing,
        new SluiceException(
            ErrorCode.NOT_FOUND,
            "there is nothing at " + routing.request().path() + "; GET / lists what there is"));
  }

  /** RFC 9110, 15.5.6: the answer has to list what the path takes. */
  private void wrongMethod(RoutingContext routing) {
    HttpServerRequest request = routing.request();
    String allowed = String.join(", ", Routes.methodsOf(request.path()));
    routing.response().putHeader(HttpHeaders.ALLOW, allowed);
    fail(
        routing,
        new SluiceException(
            ErrorCode.METHOD_NOT_ALLOWED,
            request.path() + " does not take " + request.method() + "; it takes " + allowed));
  }

  private void routingFailed(RoutingContext routing, ErrorCode code) {
    Throwable failure = routing.failure();
    fail(
        routing,
        code == ErrorCode.INTERNAL && failure != null
            ? failure
            : new SluiceException(
                code, failure == null ? "the path could not be read" : failure.getMessage()));
  }

  private void fail(RoutingContext routing, Throwable failure) {
    HttpServerRequest request = routing.request();
    RequestBody.drop(loop, request, connections.of(request.connection()), failure);
  }

  /** {@code {name}} as vertx-web writes it. */
  private static String vertxPath(String path) {
    return path.replaceAll("\\{(\\w+)}", ":$1");
  }
}
