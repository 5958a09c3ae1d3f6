package io.sluice.remoting;

import static java.util.stream.Collectors.toSet;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.OperatorRequest.Rates;
import io.sluice.bus.OperatorRequest.Spans;
import io.sluice.bus.OperatorRequest.TopicTimes;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Codes 208, 303, 314, 317, 343 and 345: how far groups are, and in what. */
final class GroupProgressHandler implements RequestHandler {

  private final BrokerLink broker;
  private final String brokerAddress;
  private final Clock clock;

  /**
   * A handler.
   *
   * @param brokerAddress as clients know it
   */
  GroupProgressHandler(BrokerLink broker, String brokerAddress, Clock clock) {
    this.broker = broker;
    this.brokerAddress = brokerAddress;
    this.clock = clock;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.GET_CONSUME_STATS -> stats(exchange);
      case RequestCode.QUERY_CONSUME_TIME_SPAN -> spans(exchange);
      case RequestCode.CLONE_GROUP_OFFSET -> cloneOffsets(exchange);
      case RequestCode.GET_BROKER_CONSUME_STATS -> statsOfAll(exchange);
      case RequestCode.QUERY_TOPICS_BY_CONSUMER -> topics(exchange);
      default -> subscription(exchange);
    }
  }

  /** How far the group is, in one topic or in all; nothing for a group that is not known. */
  private void stats(Exchange exchange) {
    String group = exchange.fields().required("consumerGroup");
    String topic = exchange.fields().text("topic", "");
    Set<String> topics = topics(exchange.fields());
    Future<Progress> progress = lag(group).compose(queues -> progress(group, of(topics, queues)));
    Future<Double> rate = consumedPerSecond(group, topic.isEmpty() ? null : topic);
    exchange.when(
        Future.all(progress, rate),
        done -> {
          JsonWriter out = new JsonWriter();
          progress.result().write(out, broker.brokerName(), rate.result());
          exchange.ok(out.toByteArray());
        });
  }

  /** Those that are asked for; empty for all. A list counts before a single one. */
  private static Set<String> topics(ExtFields fields) {
    String one = fields.text("topic", "");
    String[] list = fields.text("topicList", "").split(";");
    Set<String> topics = Stream.of(list).filter(name -> !name.isBlank()).collect(toSet());
    return !topics.isEmpty() || one.isEmpty() ? topics : Set.of(one);
  }

  /** Where a group is, and since when. */
  private record Progress(List<QueueLag> queues, Map<String, long[]> consumedMs) {

    private void write(JsonWriter out, String brokerName, double perSecond) {
      AdminJson.consumeStats(out, brokerName, queues, consumedMs, perSecond);
    }

    private long waiting() {
      return queues.stream().mapToLong(QueueLag::waiting).sum();
    }

    private long inFlight() {
      return queues.stream().mapToLong(QueueLag::inFlight).sum();
    }
  }

  private Future<Progress> progress(String group, List<QueueLag> queues) {
    Map<String, long[]> consumedMs = new HashMap<>();
    List<Future<?>> asked = new ArrayList<>();
    for (String topic : byTopic(queues).keySet()) {
      asked.add(
          broker
              .<TopicTimes>operator(new OperatorRequest.GetConsumedTimes(group, topic))
              .onSuccess(times -> consumedMs.put(topic, times.lastStoredMs())));
    }
    return Future.all(asked).map(done -> new Progress(queues, consumedMs));
  }

  private static List<QueueLag> of(Set<String> topics, List<QueueLag> queues) {
    return queues.stream()
        .filter(queue -> topics.isEmpty() || topics.contains(queue.topic()))
        .toList();
  }

  private Future<List<QueueLag>> lag(String group) {
    return broker
        .<AdminRequest.Lag>admin(new AdminRequest.GetLag(group))
        .map(AdminRequest.Lag::queues)
        .recover(failure -> unless(failure, ErrorCode.GROUP_NOT_FOUND, List.of()));
  }

  private Future<Double> consumedPerSecond(String group, String topic) {
    return broker
        .<Rates>operator(new OperatorRequest.GetGroupRates(group, topic))
        .map(rates -> rates.minute().perSecond())
        .recover(failure -> unless(failure, ErrorCode.MESSAGE_NOT_FOUND, 0.0));
  }

  private static <T> Future<T> unless(Throwable failure, ErrorCode expected, T otherwise) {
    return SluiceException.of(failure).code() == expected
        ? Future.succeededFuture(otherwise)
        : Future.failedFuture(failure);
  }

  private void spans(Exchange exchange) {
    String topic = exchange.fields().required("topic");
    exchange.when(
        broker.<Spans>operator(
            new OperatorRequest.GetSpans(exchange.fields().required("group"), topic)),
        spans -> {
          JsonWriter out = new JsonWriter().open('{').name("consumeTimeSpanSet").open('[');
          long nowMs = clock.nowMs();
          for (int queueId = 0; queueId < spans.lastStoredMs().length; queueId++) {
            long lastMs = spans.lastStoredMs()[queueId];
            long firstMs = spans.firstStoredMs()[queueId];
            long consumedMs = Math.max(firstMs, spans.consumedStoredMs()[queueId]);
            out.open('{')
                .field("consumeTimeStamp", consumedMs)
                .field("delayTime", lastMs > consumedMs ? nowMs - consumedMs : 0)
                .field("maxTimeStamp", lastMs)
                .name("messageQueue");
            AdminJson.queue(out, broker.brokerName(), topic, queueId);
            out.field("minTimeStamp", firstMs).close('}');
          }
          exchange.ok(out.close(']').close('}').toByteArray());
        });
  }

  /** Puts one group where another one is; queues that the other one never looked at stay out. */
  private void cloneOffsets(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String to = fields.required("destGroup");
    Set<String> topics = topics(fields);
    exchange.when(
        lag(fields.required("srcGroup"))
            .compose(
                queues -> {
                  List<Future<AdminRequest.Positions>> set = new ArrayList<>();
                  byTopic(of(topics, queues))
                      .forEach((name, of) -> set.add(position(to, name, of)));
                  return Future.all(set);
                }),
        done -> exchange.ok());
  }

  private Future<AdminRequest.Positions> position(
      String group, String topic, List<QueueLag> queues) {
    return broker.admin(
        new AdminRequest.SetPosition(
            group,
            topic,
            null,
            queues.stream().mapToInt(QueueLag::queueId).toArray(),
            queues.stream().mapToLong(QueueLag::committedOffset).toArray()));
  }

  private static Map<String, List<QueueLag>> byTopic(List<QueueLag> queues) {
    Map<String, List<QueueLag>> byTopic = new LinkedHashMap<>();
    for (QueueLag queue : queues) {
      byTopic.computeIfAbsent(queue.topic(), name -> new ArrayList<>()).add(queue);
    }
    return byTopic;
  }

  private void statsOfAll(Exchange exchange) {
    Future<AdminRequest.Groups> groups = broker.admin(new AdminRequest.ListGroups());
    Future<Set<String>> orderedOnly =
        exchange.fields().flag("isOrder") ? orderedTopics() : Future.succeededFuture(null);
    exchange.when(
        Future.all(groups, orderedOnly)
            .compose(
                known -> {
                  List<Future<List<Progress>>> asked =
                      groups.result().groups().stream()
                          .map(group -> progressByTopic(group.name(), orderedOnly.result()))
                          .toList();
                  return Future.all(asked).map(done -> asked.stream().map(Future::result).toList());
                }),
        all -> exchange.ok(statsOfAll(groups.result().groups(), all)));
  }

  /** Topics that are meant for ordered use. */
  private Future<Set<String>> orderedTopics() {
    return broker
        .<AdminRequest.Topics>admin(new AdminRequest.ListTopics())
        .map(
            all ->
                all.topics().stream()
                    .filter(TopicConfig::order)
                    .map(TopicConfig::name)
                    .collect(toSet()));
  }

  /**
   * Where a group is.
   *
   * @param only in these topics, or null for all
   */
  private Future<List<Progress>> progressByTopic(String group, Set<String> only) {
    return lag(group)
        .map(
            queues ->
                queues.stream().filter(lag -> only == null || only.contains(lag.topic())).toList())
        .compose(
            queues -> {
              List<Future<Progress>> asked =
                  byTopic(queues).values().stream().map(of -> progress(group, of)).toList();
              return Future.all(asked).map(done -> asked.stream().map(Future::result).toList());
            });
  }

  private byte[] statsOfAll(List<GroupConfig> groups, List<List<Progress>> all) {
    JsonWriter out =
        new JsonWriter()
            .open('{')
            .field("brokerAddr", brokerAddress)
            .name("consumeStatsList")
            .open('[');
    long behind = 0;
    long inFlight = 0;
    for (int i = 0; i < all.size(); i++) {
      if (all.get(i).isEmpty()) {
        continue;
      }
      out.open('{').name(groups.get(i).name()).open('[');
      for (Progress progress : all.get(i)) {
        progress.write(out, broker.brokerName(), 0);
        behind += progress.waiting();
        inFlight += progress.inFlight();
      }
      out.close(']').close('}');
    }
    return out.close(']')
        .field("totalDiff", behind)
        .field("totalInflightDiff", inFlight)
        .close('}')
        .toByteArray();
  }

  private void topics(Exchange exchange) {
    exchange.when(
        lag(exchange.fields().required("group")),
        queues -> exchange.ok(RouteJson.topicList(byTopic(queues).keySet())));
  }

  private void subscription(Exchange exchange) {
    String group = exchange.fields().required("group");
    String topic = exchange.fields().required("topic");
    exchange.when(
        broker
            .<ClientKept.Consumers>clientKept(new ClientKept.GetConsumers(group))
            .map(consumers -> consumers.membership().subscriptions())
            .recover(failure -> unless(failure, ErrorCode.CONSUMER_OFFLINE, List.of())),
        subscriptions -> {
          JsonWriter out = new JsonWriter().open('{').field("group", group);
          for (Subscription subscription : subscriptions) {
            if (subscription.topic().equals(topic)) {
              AdminJson.subscription(out.name("subscriptionData"), subscription);
            }
          }
          exchange.ok(out.field("topic", topic).close('}').toByteArray());
        });
  }
}
