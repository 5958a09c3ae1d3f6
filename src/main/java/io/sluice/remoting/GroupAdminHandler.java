package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;

/**
 * Codes 200, 201, 203, 204, 207, 208, 343, 345 and 352: groups as RocketMQ's tools administer them.
 */
final class GroupAdminHandler implements RequestHandler {

  private final BrokerLink broker;

  GroupAdminHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.UPDATE_AND_CREATE_SUBSCRIPTION_GROUP -> put(exchange);
      case RequestCode.GET_ALL_SUBSCRIPTION_GROUPS -> list(exchange);
      case RequestCode.GET_CONSUMER_CONNECTION_LIST -> consumers(exchange);
      case RequestCode.GET_PRODUCER_CONNECTION_LIST -> producers(exchange);
      case RequestCode.DELETE_SUBSCRIPTION_GROUP ->
          exchange.when(
              broker.<Done>admin(
                  new AdminRequest.DeleteGroup(exchange.fields().required("groupName"))),
              done -> exchange.ok());
      case RequestCode.GET_CONSUME_STATS -> stats(exchange);
      case RequestCode.QUERY_TOPICS_BY_CONSUMER -> topics(exchange);
      case RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER -> subscription(exchange);
      default -> get(exchange);
    }
  }

  private void put(Exchange exchange) {
    Map<Object, Object> body = exchange.request().bodyObject();
    String name = JsonTree.required(body, "groupName");
    int attempts = (int) JsonTree.number(body, "retryMaxTimes", GroupConfig.DEFAULT_MAX_ATTEMPTS);
    GroupConfig config =
        new GroupConfig(
            name,
            // RocketMQ takes 0 or less for no retry at all.
            Math.max(1, attempts),
            GroupConfig.DEFAULT_RETRY_DELAYS_MS,
            GroupConfig.DEFAULT_ORDERED_RETRY_DELAY_MS);
    exchange.when(
        broker.<GroupConfig>admin(new AdminRequest.PutGroup(config)), done -> exchange.ok());
  }

  private void get(Exchange exchange) {
    exchange.when(
        broker.<GroupConfig>admin(new AdminRequest.GetGroup(exchange.fields().required("group"))),
        config -> {
          JsonWriter out = new JsonWriter();
          AdminJson.group(out, config);
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
            AdminJson.group(out.name(config.name()), config);
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

  /** How far the group is, in one topic or in all; nothing for a group that is not known. */
  private void stats(Exchange exchange) {
    String group = exchange.fields().required("consumerGroup");
    String topic = exchange.fields().text("topic", "");
    exchange.when(
        lag(group),
        lag -> {
          List<QueueLag> queues =
              lag.queues().stream()
                  .filter(queue -> topic.isEmpty() || queue.topic().equals(topic))
                  .toList();
          exchange.ok(AdminJson.consumeStats(broker.brokerName(), queues));
        });
  }

  private Future<AdminRequest.Lag> lag(String group) {
    return broker
        .<AdminRequest.Lag>admin(new AdminRequest.GetLag(group))
        .recover(
            failure ->
                SluiceException.of(failure).code() == ErrorCode.GROUP_NOT_FOUND
                    ? Future.succeededFuture(new AdminRequest.Lag(group, List.of()))
                    : Future.failedFuture(failure));
  }

  /** The topics that a group has a position in. */
  private void topics(Exchange exchange) {
    exchange.when(
        lag(exchange.fields().required("group")),
        lag ->
            exchange.ok(
                RouteJson.topicList(
                    lag.queues().stream().map(QueueLag::topic).distinct().toList())));
  }

  /** What a group's live clients want of a topic; without a subscription if nobody wants it. */
  private void subscription(Exchange exchange) {
    String group = exchange.fields().required("group");
    String topic = exchange.fields().required("topic");
    exchange.when(
        broker
            .<ClientKept.Consumers>clientKept(new ClientKept.GetConsumers(group))
            .map(consumers -> consumers.membership().subscriptions())
            .recover(
                failure ->
                    SluiceException.of(failure).code() == ErrorCode.CONSUMER_OFFLINE
                        ? Future.succeededFuture(List.of())
                        : Future.failedFuture(failure)),
        subscriptions -> {
          JsonWriter out = new JsonWriter().open('{').field("group", group);
          for (ClientKept.Subscription subscription : subscriptions) {
            if (subscription.topic().equals(topic)) {
              AdminJson.subscription(out.name("subscriptionData"), subscription);
            }
          }
          exchange.ok(out.field("topic", topic).close('}').toByteArray());
        });
  }
}
