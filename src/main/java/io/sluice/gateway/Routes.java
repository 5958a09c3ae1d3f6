package io.sluice.gateway;

import static io.sluice.gateway.Permission.ADMIN;
import static io.sluice.gateway.Permission.MONITOR;
import static io.sluice.gateway.Permission.RECEIVE;
import static io.sluice.gateway.Permission.SEND;

import io.vertx.core.http.HttpMethod;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Every path of the API with its method and handler: the one table that the router and the test of
 * the documents are made from.
 */
final class Routes {

  /** Handles a call; what it throws is answered. */
  interface Handler {

    /** Answers the call, now or later, exactly once. */
    void handle(Call call);
  }

  /**
   * A path.
   *
   * @param path with parameters in braces
   * @param permission what a caller needs, for the topic in the path if there is one; null where
   *     everyone may
   * @param handler null where the front takes it before the router: sends and sockets
   */
  record Route(HttpMethod method, String path, Permission permission, Handler handler) {

    /** Whether its answer goes on for ever. */
    boolean endless() {
      return path.equals(STREAM);
    }
  }

  static final String MESSAGES = "/v1/topics/{topic}/messages";
  static final String STREAM = "/v1/topics/{topic}/stream";
  static final String SOCKET = "/v1/ws";
  static final String TRANSACTION = "/v1/transactions/{transactionId}";

  private static final Permission OPEN = null;

  private Routes() {}

  static List<Route> all(EventStreams streams) {
    return List.of(
        route(HttpMethod.GET, "/", OPEN, OperateHandlers::root),
        route(HttpMethod.GET, "/openapi.json", OPEN, OperateHandlers::openApi),
        route(HttpMethod.GET, "/asyncapi.json", OPEN, OperateHandlers::asyncApi),
        route(HttpMethod.GET, "/health/live", OPEN, OperateHandlers::live),
        route(HttpMethod.GET, "/health/ready", OPEN, OperateHandlers::ready),
        route(HttpMethod.GET, "/metrics", MONITOR, OperateHandlers::metrics),
        route(HttpMethod.GET, "/v1/latency", MONITOR, OperateHandlers::latency),
        route(HttpMethod.GET, "/v1/cluster", MONITOR, ClusterHandler::get),
        route(HttpMethod.GET, "/v1/brokers/{broker}", MONITOR, ReplicationHandlers::get),
        route(HttpMethod.POST, "/v1/brokers/{broker}/promote", ADMIN, ReplicationHandlers::promote),
        route(HttpMethod.POST, "/v1/drain", ADMIN, ReplicationHandlers::drain),
        route(HttpMethod.GET, SOCKET, OPEN, null),
        route(HttpMethod.POST, MESSAGES, SEND, null),
        route(HttpMethod.GET, MESSAGES, RECEIVE, ReadHandlers::browse),
        route(
            HttpMethod.GET, "/v1/topics/{topic}/messages/{messageId}", RECEIVE, ReadHandlers::one),
        route(
            HttpMethod.DELETE,
            "/v1/topics/{topic}/messages/{messageId}",
            SEND,
            RecallHandler::recall),
        route(HttpMethod.GET, STREAM, RECEIVE, call -> StreamHandler.open(call, streams)),
        route(HttpMethod.GET, "/v1/topics", MONITOR, TopicHandlers::list),
        route(HttpMethod.GET, "/v1/topics/{topic}", MONITOR, TopicHandlers::get),
        route(HttpMethod.PUT, "/v1/topics/{topic}", ADMIN, TopicHandlers::put),
        route(HttpMethod.DELETE, "/v1/topics/{topic}", ADMIN, TopicHandlers::delete),
        route(HttpMethod.GET, "/v1/groups", MONITOR, GroupHandlers::list),
        route(HttpMethod.GET, "/v1/groups/{group}", MONITOR, GroupHandlers::get),
        route(HttpMethod.PUT, "/v1/groups/{group}", ADMIN, GroupHandlers::put),
        route(HttpMethod.DELETE, "/v1/groups/{group}", ADMIN, GroupHandlers::delete),
        route(HttpMethod.GET, "/v1/groups/{group}/lag", MONITOR, GroupHandlers::lag),
        route(HttpMethod.GET, "/v1/groups/{group}/dead-letters", ADMIN, LetterHandlers::browse),
        route(
            HttpMethod.POST,
            "/v1/groups/{group}/dead-letters/redrive",
            ADMIN,
            LetterHandlers::redrive),
        route(
            HttpMethod.POST, "/v1/groups/{group}/dead-letters/purge", ADMIN, LetterHandlers::purge),
        route(
            HttpMethod.GET, "/v1/groups/{group}/dead-letters/job", MONITOR, LetterHandlers::status),
        route(
            HttpMethod.DELETE,
            "/v1/groups/{group}/dead-letters/job",
            ADMIN,
            LetterHandlers::cancel),
        route(
            HttpMethod.POST,
            "/v1/groups/{group}/topics/{topic}/receive",
            RECEIVE,
            ConsumeHandlers::receive),
        route(HttpMethod.POST, "/v1/groups/{group}/settle", RECEIVE, ConsumeHandlers::settle),
        route(
            HttpMethod.PUT,
            "/v1/groups/{group}/topics/{topic}/position",
            ADMIN,
            GroupHandlers::putPosition),
        route(HttpMethod.POST, "/v1/replies/{replyTo}", RECEIVE, ReplyHandler::reply),
        route(HttpMethod.GET, "/v1/transactions", MONITOR, TransactionHandlers::list),
        route(HttpMethod.GET, TRANSACTION, MONITOR, TransactionHandlers::one),
        route(HttpMethod.POST, TRANSACTION, SEND, TransactionHandlers::end));
  }

  /** Whether the same answer can be had without its body (RFC 9110, 9.3.2); a stream has no end. */
  static boolean takesHead(Route route) {
    return route.method() == HttpMethod.GET && route.handler() != null && !route.endless();
  }

  /** The methods that a path takes, sorted. */
  static Set<String> methodsOf(String path) {
    Set<String> methods = new TreeSet<>();
    for (Route route : all(null)) {
      if (path.matches(route.path().replaceAll("\\{\\w+}", "[^/]+"))) {
        methods.add(route.method().name());
        if (takesHead(route)) {
          methods.add(HttpMethod.HEAD.name());
        }
      }
    }
    return methods;
  }

  private static Route route(
      HttpMethod method, String path, Permission permission, Handler handler) {
    return new Route(method, path, permission, handler);
  }
}
