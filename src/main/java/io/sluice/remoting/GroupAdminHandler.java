package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;

/** Codes 200, 201, 203, 204, 207, 225 and 352: groups as RocketMQ's tools administer them. */
final class GroupAdminHandler implements RequestHandler {

  private final BrokerLink broker;
  private final List<Long> retryDelaysMs;

  /**
   * A handler.
   *
   * @param retryDelaysMs between the attempts of a group that is made
   */
  GroupAdminHandler(BrokerLink broker, List<Long> retryDelaysMs) {
    this.broker = broker;
    this.retryDelaysMs = retryDelaysMs;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTION_GROUP -> put(exchange);
      case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTION_GROUP_LIST -> putAll(exchange);
      case RequestCode.GET_ALL_SUBSCRIPTION_GROUPS -> list(exchange);
      case RequestCode.GET_CONSUMER_CONNECTION_LIST -> consumers(exchange);
      case RequestCode.GET_PRODUCER_CONNECTION_LIST -> producers(exchange);
      case RequestCode.DELETE_SUBSCRIPTION_GROUP -> delete(exchange);
      default -> get(exchange);
    }
  }

  private void put(Exchange exchange) {
    exchange.when(put(exchange.request().bodyObject()), done -> exchange.ok());
  }

  private void putAll(Exchange exchange) {
    List<Future<GroupConfig>> put =
        JsonTree.objects(exchange.request().bodyObject(), "groupConfigList").stream()
            .map(this::put)
            .toList();
    exchange.when(Future.all(put), done -> exchange.ok());
  }

  private Future<GroupConfig> put(Map<Object, Object> body) {
    String name = JsonTree.required(body, "groupName");
    return broker
        .<GroupConfig>admin(new AdminRequest.GetGroup(name))
        .recover(
            failure ->
                SluiceException.of(failure).code() == ErrorCode.GROUP_NOT_FOUND
                    ? Future.succeededFuture(newGroup(name))
                    : Future.failedFuture(failure))
        .compose(base -> broker.admin(new AdminRequest.PutGroup(GroupJson.read(body, base))));
  }

  private GroupConfig newGroup(String name) {
    return new GroupConfig(
        name,
        GroupConfig.DEFAULT_MAX_ATTEMPTS,
        retryDelaysMs,
        GroupConfig.DEFAULT_ORDERED_RETRY_DELAY_MS);
  }

  /** A group that is not there is no mistake. */
  private void delete(Exchange exchange) {
    ExtFields fields = exchange.fields();
    AdminRequest.DeleteGroup delete =
        new AdminRequest.DeleteGroup(fields.required("groupName"), !fields.flag("cleanOffset"));
    exchange.when(
        broker.<Done>admin(delete).recover(GroupAdminHandler::fineIfNotThere),
        done -> exchange.ok());
  }

  private static Future<Done> fineIfNotThere(Throwable failure) {
    return SluiceException.of(failure).code() == ErrorCode.GROUP_NOT_FOUND
        ? Future.succeededFuture(Done.DONE)
        : Future.failedFuture(failure);
  }

  private void get(Exchange exchange) {
    exchange.when(
        broker.<GroupConfig>admin(new AdminRequest.GetGroup(exchange.fields().required("group"))),
        config -> {
          JsonWriter out = new JsonWriter();
          GroupJson.write(out, config);
          exchange.ok(out.toByteArray());
        });
  }

  private void list(Exchange exchange) {
    exchange.when(
        broker.<AdminRequest.Groups>admin(new AdminRequest.ListGroups()),
        groups -> {
          JsonWriter out = new JsonWriter().open('{');
          AdminJson.dataVersion(out, "dataVersion").name("forbiddenTable").open('{').close('}');
          out.name("subscriptionGroupTable").open('{');
          for (GroupConfig config : groups.groups()) {
            GroupJson.write(out.name(config.name()), config);
          }
          exchange.answer(
              ResponseCode.SUCCESS,
              null,
              new ExtFields(1).put("totalGroupNum", groups.groups().size()),
              out.close('}').close('}').toByteArray());
        });
  }

  private void consumers(Exchange exchange) {
    String group = exchange.fields().required("consumerGroup");
    exchange.when(
        broker.<ClientKept.Consumers>clientKept(new ClientKept.GetConsumers(group)),
        consumers -> exchange.ok(AdminJson.consumers(consumers)));
  }

  private void producers(Exchange exchange) {
    String group = exchange.fields().required("producerGroup");
    exchange.when(
        broker.<ClientKept.Producers>clientKept(new ClientKept.GetProducers(group)),
        producers -> {
          if (producers.members().isEmpty()) {
            exchange.fail(ResponseCode.SYSTEM_ERROR, "the producer group[" + group + "] not exist");
            return;
          }
          JsonWriter out = new JsonWriter().open('{');
          AdminJson.connections(out, producers.members());
          exchange.ok(out.close('}').toByteArray());
        });
  }
}
