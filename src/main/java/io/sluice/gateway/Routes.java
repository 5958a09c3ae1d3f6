package io.sluice.gateway;

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
   * @param handler null where the front takes it before the router: sends and sockets
   */
  record Route(HttpMethod method, String path, Handler handler) {

    /** Whether its answer goes on for ever. */
    boolean endless() {
      return path.equals(STREAM);
    }
  }

  static final String SEND = "/v1/topics/{topic}/messages";
  static final String STREAM = "/v1/topics/{topic}/stream";
  static final String SOCKET = "/v1/ws";
  static final String TRANSACTION = "/v1/transactions/{transactionId}";

  private Routes() {}

  static List<Route> all(EventStreams streams) {
    return List.of(
        route(HttpMethod.GET, "/", OperateHandlers::root),
        route(HttpMethod.GET, "/openapi.json", OperateHandlers::openApi),
        route(HttpMethod.GET, "/asyncapi.json", OperateHandlers::asyncApi),
        route(HttpMethod.GET, "/health/live", OperateHandlers::live),
        route(HttpMethod.GET, "/health/ready", OperateHandlers::ready),
        route(HttpMethod.GET, "/metrics", OperateHandlers::metrics),
        route(HttpMethod.GET, "/v1/latency", OperateHandlers::latency),
        route(HttpMethod.GET, "/v1/cluster", ClusterHandler::get),
        route(HttpMethod.GET, "/v1/brokers/{broker}", ReplicationHandlers::get),
        route(HttpMethod.POST, "/v1/brokers/{broker}/promote", ReplicationHandlers::promote),
        route(HttpMethod.POST, "/v1/drain", ReplicationHandlers::drain),
        route(HttpMethod.GET, SOCKET, null),
        route(HttpMethod.POST, SEND, null),
        route(HttpMethod.GET, SEND, ReadHandlers::browse),
        route(HttpMethod.GET, "/v1/topics/{topic}/messages/{messageId}", ReadHandlers::one),
        route(HttpMethod.DELETE, "/v1/topics/{topic}/messages/{messageId}", RecallHandler::recall),
        route(HttpMethod.GET, STREAM, call -> StreamHandler.open(call, streams)),
        route(HttpMethod.GET, "/v1/topics", TopicHandlers::list),
        route(HttpMethod.GET, "/v1/topics/{topic}", TopicHandlers::get),
        route(HttpMethod.PUT, "/v1/topics/{topic}", TopicHandlers::put),
        route(HttpMethod.DELETE, "/v1/topics/{topic}", TopicHandlers::delete),
        route(HttpMethod.GET, "/v1/groups", GroupHandlers::list),
        route(HttpMethod.GET, "/v1/groups/{group}", GroupHandlers::get),
        route(HttpMethod.PUT, "/v1/groups/{group}", GroupHandlers::put),
        route(HttpMethod.DELETE, "/v1/groups/{group}", GroupHandlers::delete),
        route(HttpMethod.GET, "/v1/groups/{group}/lag", GroupHandlers::lag),
        route(HttpMethod.GET, "/v1/groups/{group}/dead-letters", LetterHandlers::browse),
        route(HttpMethod.POST, "/v1/groups/{group}/dead-letters/redrive", LetterHandlers::redrive),
        route(HttpMethod.POST, "/v1/groups/{group}/dead-letters/purge", LetterHandlers::purge),
        route(HttpMethod.GET, "/v1/groups/{group}/dead-letters/job", LetterHandlers::status),
        route(HttpMethod.DELETE, "/v1/groups/{group}/dead-letters/job", LetterHandlers::cancel),
        route(
            HttpMethod.POST, "/v1/groups/{group}/topics/{topic}/receive", ConsumeHandlers::receive),
        route(HttpMethod.POST, "/v1/groups/{group}/settle", ConsumeHandlers::settle),
        route(
            HttpMethod.PUT,
            "/v1/groups/{group}/topics/{topic}/position",
            GroupHandlers::putPosition),
        route(HttpMethod.POST, "/v1/replies/{replyTo}", ReplyHandler::reply),
        route(HttpMethod.GET, "/v1/transactions", TransactionHandlers::list),
        route(HttpMethod.GET, TRANSACTION, TransactionHandlers::one),
        route(HttpMethod.POST, TRANSACTION, TransactionHandlers::end));
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

  private static Route route(HttpMethod method, String path, Handler handler) {
    return new Route(method, path, handler);
  }
}
