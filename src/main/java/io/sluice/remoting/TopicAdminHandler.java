package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.vertx.core.Future;
import java.util.Map;

/** Codes 17, 21, 202, 215, 300 and 351: topics as RocketMQ's tools administer them. */
final class TopicAdminHandler implements RequestHandler {

  private final BrokerLink broker;

  TopicAdminHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.UPDATE_AND_CREATE_TOPIC -> put(exchange);
      case RequestCode.GET_ALL_TOPIC_CONFIG -> list(exchange);
      case RequestCode.GET_TOPIC_STATS -> stats(exchange);
      case RequestCode.DELETE_TOPIC_IN_BROKER -> delete(exchange);
      case RequestCode.QUERY_TOPIC_CONSUME_BY_WHO -> groups(exchange);
      default -> get(exchange);
    }
  }

  /** Queues are for reading and writing alike here: those to be written count. */
  private void put(Exchange exchange) {
    ExtFields fields = exchange.fields();
    TopicConfig config =
        new TopicConfig(
            fields.required("topic"),
            fields.requiredInt("writeQueueNums"),
            fields.requiredInt("perm") & (TopicConfig.READ | TopicConfig.WRITE),
            fields.flag("order"),
            TopicConfig.RETENTION_OF_BROKER,
            Map.of());
    exchange.when(
        broker.<AdminRequest.Topic>admin(new AdminRequest.PutTopic(config)),
        topic -> exchange.ok());
  }

  private void get(Exchange exchange) {
    exchange.when(
        topic(exchange),
        topic -> {
          JsonWriter out = new JsonWriter();
          AdminJson.topic(out, topic.config());
          exchange.ok(out.toByteArray());
        });
  }

  private void stats(Exchange exchange) {
    exchange.when(
        topic(exchange),
        topic ->
            exchange.ok(
                AdminJson.topicStats(
                    broker.brokerName(),
                    topic.config().name(),
                    topic.minOffsets(),
                    topic.maxOffsets())));
  }

  private void list(Exchange exchange) {
    exchange.when(
        broker.<AdminRequest.Topics>admin(new AdminRequest.ListTopics()),
        topics -> {
          JsonWriter out = new JsonWriter().open('{');
          AdminJson.dataVersion(out, "dataVersion");
          AdminJson.dataVersion(out, "mappingDataVersion").name("topicConfigTable").open('{');
          for (TopicConfig config : topics.topics()) {
            AdminJson.topic(out.name(config.name()), config);
          }
          out.close('}').name("topicQueueMappingDetailMap").open('{').close('}').close('}');
          exchange.answer(
              ResponseCode.SUCCESS,
              null,
              new ExtFields(1).put("totalTopicNum", topics.topics().size()),
              out.toByteArray());
        });
  }

  /** A topic that is not there is no mistake. */
  private void delete(Exchange exchange) {
    exchange.when(
        broker
            .<Done>admin(new AdminRequest.DeleteTopic(exchange.fields().required("topic")))
            .recover(
                failure ->
                    SluiceException.of(failure).code() == ErrorCode.TOPIC_NOT_FOUND
                        ? Future.succeededFuture(Done.DONE)
                        : Future.failedFuture(failure)),
        done -> exchange.ok());
  }

  private void groups(Exchange exchange) {
    exchange.when(
        broker.<ClientKept.GroupNames>clientKept(
            new ClientKept.GetGroupsOfTopic(exchange.fields().required("topic"))),
        found -> {
          JsonWriter out = new JsonWriter().open('{').name("groupList").open('[');
          found.groups().forEach(out::value);
          exchange.ok(out.close(']').close('}').toByteArray());
        });
  }

  private Future<AdminRequest.Topic> topic(Exchange exchange) {
    return broker.admin(new AdminRequest.GetTopic(exchange.fields().required("topic")));
  }
}
