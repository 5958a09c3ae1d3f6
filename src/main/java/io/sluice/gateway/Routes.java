package io.sluice.gateway;

import io.vertx.core.http.HttpMethod;
import java.util.List;

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
  record Route(HttpMethod method, String path, Handler handler) {}

  static final String SEND = "/v1/topics/{topic}/messages";
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
        route(HttpMethod.GET, "/v1/cluster", AdminHandlers::cluster),
        route(HttpMethod.GET, "/v1/brokers/{broker}", ReplicationHandlers::get),
        route(HttpMethod.POST, "/v1/brokers/{broker}/promote", ReplicationHandlers::promote),
        route(HttpMethod.POST, "/v1/drain", ReplicationHandlers::drain),
        route(HttpMethod.GET, SOCKET, null),
        route(HttpMethod.POST, SEND, null),
        route(HttpMethod.GET, SEND, ReadHandlers::browse),
        route(HttpMethod.GET, "/v1/topics/{topic}/messages/{messageId}", ReadHandlers::one),
        route(HttpMethod.DELETE, "/v1/topics/{topic}/messages/{messageId}", RecallHandler::recall),
        route(
            HttpMethod.GET, "/v1/topics/{topic}/stream", call -> StreamHandler.open(call, streams)),
        route(HttpMethod.GET, "/v1/topics", AdminHandlers::listTopics),
        route(HttpMethod.GET, "/v1/topics/{topic}", AdminHandlers::getTopic),
        route(HttpMethod.PUT, "/v1/topics/{topic}", AdminHandlers::putTopic),
        route(HttpMethod.DELETE, "/v1/topics/{topic}", AdminHandlers::deleteTopic),
        route(HttpMethod.GET, "/v1/groups", AdminHandlers::listGroups),
        route(HttpMethod.GET, "/v1/groups/{group}", AdminHandlers::getGroup),
        route(HttpMethod.PUT, "/v1/groups/{group}", AdminHandlers::putGroup),
        route(HttpMethod.DELETE, "/v1/groups/{group}", AdminHandlers::deleteGroup),
        route(HttpMethod.GET, "/v1/groups/{group}/lag", AdminHandlers::lag),
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
            AdminHandlers::putPosition),
        route(HttpMethod.POST, "/v1/replies/{replyTo}", ReplyHandler::reply),
        route(HttpMethod.GET, "/v1/transactions", TransactionHandlers::list),
        route(HttpMethod.GET, TRANSACTION, TransactionHandlers::one),
        route(HttpMethod.POST, TRANSACTION, TransactionHandlers::end));
  }

  private static Route route(HttpMethod method, String path, Handler handler) {
    return new Route(method, path, handler);
  }
}
