package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.OperatorRequest.TopicTimes;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Codes 17, 18, 21, 202, 215, 300 and 351: topics as RocketMQ's tools administer them. */
final class TopicAdminHandler implements RequestHandler {

  private final BrokerLink broker;

  TopicAdminHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.UPDATE_AND_CREATE_TOPIC -> put(exchange);
      case RequestCode.UPDATE_AND_CREATE_TOPIC_LIST -> putAll(exchange);
      case RequestCode.GET_ALL_TOPIC_CONFIG -> list(exchange);
      case RequestCode.GET_TOPIC_STATS -> stats(exchange);
      case RequestCode.DELETE_TOPIC_IN_BROKER -> delete(exchange);
      case RequestCode.QUERY_TOPIC_CONSUME_BY_WHO -> groups(exchange);
      default -> get(exchange);
    }
  }

  private void put(Exchange exchange) {
    ExtFields fields = exchange.fields();
    exchange.when(
        put(
            fields.required("topic"),
            fields.requiredInt("writeQueueNums"),
            fields.requiredInt("perm"),
            fields.flag("order"),
            TopicAttributes.parse(fields.text("attributes", ""))),
        topic -> exchange.ok());
  }

  private void putAll(Exchange exchange) {
    List<Future<AdminRequest.Topic>> put = new ArrayList<>();
    for (Map<Object, Object> topic :
        JsonTree.objects(exchange.request().bodyObject(), "topicConfigList")) {
      put.add(
          put(
              JsonTree.required(topic, "topicName"),
              (int) JsonTree.number(topic, "writeQueueNums", TopicConfig.DEFAULT_QUEUES),
              (int) JsonTree.number(topic, "perm", TopicConfig.READ | TopicConfig.WRITE),
              JsonTree.text(topic, "order", "false").equals("true"),
              TopicAttributes.of(JsonTree.object(topic, "attributes"))));
    }
    exchange.when(Future.all(put), topics -> exchange.ok());
  }

  /** Queues are for reading and writing alike here: those to be written count. */
  private Future<AdminRequest.Topic> put(
      String name, int queues, int permission, boolean order, TopicAttributes changes) {
    checkOfUsers(name);
    return broker
        .<AdminRequest.Topic>admin(new AdminRequest.GetTopic(name))
        .map(AdminRequest.Topic::config)
        .recover(
            failure ->
                SluiceException.of(failure).code() == ErrorCode.TOPIC_NOT_FOUND
                    ? Future.succeededFuture(TopicConfig.of(name, queues))
                    : Future.failedFuture(failure))
        .compose(
            base ->
                broker.admin(
                    new AdminRequest.PutTopic(
                        new TopicConfig(
                            name,
                            queues,
                            permission & (TopicConfig.READ | TopicConfig.WRITE),
                            order,
                            base.retentionMs(),
                            changes.over(base.attributes())))));
  }

  private void get(Exchange exchange) {
    exchange.when(
        topic(exchange),
        topic -> {
          JsonWriter out = new JsonWriter();
          AdminJson.topic(out, topic.config(), topic.maxOffsets().length);
          exchange.ok(out.toByteArray());
        });
  }

  private void stats(Exchange exchange) {
    String name = exchange.fields().required("topic");
    Future<AdminRequest.Topic> topic = topic(exchange);
    Future<TopicTimes> times = broker.operator(new OperatorRequest.GetTopicTimes(name));
    Future<Double> rate =
        broker
            .<OperatorRequest.Rates>operator(new OperatorRequest.GetTopicRates(name))
            .map(rates -> rates.minute().perSecond())
            .otherwise(0.0);
    exchange.when(
        Future.all(topic, times, rate),
        done ->
            exchange.ok(
                AdminJson.topicStats(
                    broker.brokerName(),
                    topic.result(),
                    times.result().lastStoredMs(),
                    rate.result())));
  }

  private void list(Exchange exchange) {
    exchange.when(
        broker.<AdminRequest.Topics>admin(new AdminRequest.ListTopics()),
        topics -> {
          JsonWriter out = new JsonWriter().open('{');
          AdminJson.dataVersion(out, "dataVersion");
          AdminJson.dataVersion(out, "mappingDataVersion").name("topicConfigTable").open('{');
          for (int i = 0; i < topics.topics().size(); i++) {
            TopicConfig config = topics.topics().get(i);
            AdminJson.topic(out.name(config.name()), config, topics.readQueues()[i]);
          }
          out.close('}').name("topicQueueMappingDetailMap").open('{').close('}').close('}');
          exchange.answer(
              ResponseCode.SUCCESS,
              null,
              new ExtFields(1).put("totalTopicNum", topics.topics().size()),
              out.toByteArray());
        });
  }

  /** With RocketMQ's code and words. */
  private static void checkOfUsers(String topic) {
    if (Names.isSystemTopic(topic)) {
      throw new SluiceException(
          ErrorCode.INVALID_TOPIC, "The topic[" + topic + "] is conflict with system topic.");
    }
  }

  /** A topic that is not there is no mistake, as in RocketMQ. */
  private void delete(Exchange exchange) {
    String topic = exchange.fields().required("topic");
    checkOfUsers(topic);
    exchange.when(
        broker
            .<Done>admin(new AdminRequest.DeleteTopic(topic))
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
