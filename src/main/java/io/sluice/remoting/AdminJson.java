package io.sluice.remoting;

import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.ClientKept.Consumers;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.Filter;
import io.sluice.bus.TopicConfig;
import java.util.List;
import java.util.Map;

/**
 * The bodies that RocketMQ's tools read. A map by queue has objects as keys, which is not JSON but
 * what they expect.
 */
final class AdminJson {

  private AdminJson() {}

  /** MessageQueue. */
  static void queue(JsonWriter out, String brokerName, String topic, int queueId) {
    out.open('{')
        .field("brokerName", brokerName)
        .field("queueId", queueId)
        .field("topic", topic)
        .close('}');
  }

  /**
   * TopicConfig.
   *
   * @param readQueues how many queues there are to read, as the route says it too
   */
  static void topic(JsonWriter out, TopicConfig config, int readQueues) {
    out.open('{').name("attributes").open('{');
    config.attributes().forEach(out::field);
    out.close('}')
        .field("order", config.order())
        .field("perm", config.permission())
        .field("readQueueNums", readQueues)
        .field("topicFilterType", "SINGLE_TAG")
        .field("topicName", config.name())
        .field("topicSysFlag", 0)
        .field("writeQueueNums", config.queues())
        .close('}');
  }

  /** An empty DataVersion. */
  static JsonWriter dataVersion(JsonWriter out, String name) {
    return out.name(name)
        .open('{')
        .field("counter", 0)
        .field("stateVersion", 0)
        .field("timestamp", 0)
        .close('}');
  }

  /** SubscriptionData. */
  static void subscription(JsonWriter out, Subscription subscription) {
    Filter filter = subscription.filter();
    List<String> tags =
        filter.kind() == Filter.Kind.TAG ? Filters.tags(filter.expression()) : List.of();
    out.open('{').field("classFilterMode", false).name("codeSet").open('[');
    tags.forEach(tag -> out.value(tag.hashCode()));
    out.close(']')
        .field("expressionType", Filters.typeOf(filter))
        .field("subString", filter.expression())
        .field("subVersion", subscription.version())
        .name("tagsSet")
        .open('[');
    tags.forEach(out::value);
    out.close(']').field("topic", subscription.topic()).close('}');
  }

  /** The connectionSet of ConsumerConnection and ProducerConnection. */
  static void connections(JsonWriter out, List<Member> members) {
    out.name("connectionSet").open('[');
    for (Member member : members) {
      out.open('{')
          .field("clientAddr", member.address())
          .field("clientId", member.clientId())
          .field("language", member.language())
          .field("version", member.version())
          .close('}');
    }
    out.close(']');
  }

  /** ConsumerConnection. The tools call methods on its enums, so each has to be there. */
  static byte[] consumers(Consumers consumers) {
    JsonWriter out = new JsonWriter().open('{');
    connections(out, consumers.members());
    out.field("consumeFromWhere", consumers.membership().consumeFromWhere())
        .field("consumeType", consumers.membership().consumeType())
        .field("messageModel", consumers.membership().messageModel())
        .name("subscriptionTable")
        .open('{');
    for (Subscription subscription : consumers.membership().subscriptions()) {
      subscription(out.name(subscription.topic()), subscription);
    }
    return out.close('}').close('}').toByteArray();
  }

  /**
   * ConsumeStats.
   *
   * @param consumedMs by topic for each queue when the last message was stored that is consumed
   */
  static void consumeStats(
      JsonWriter out,
      String brokerName,
      List<QueueLag> queues,
      Map<String, long[]> consumedMs,
      double perSecond) {
    out.open('{').field("consumeTps", perSecond).name("offsetTable").open('{');
    for (QueueLag lag : queues) {
      queue(out, brokerName, lag.topic(), lag.queueId());
      out.endKey()
          .open('{')
          .field("brokerOffset", lag.maxOffset())
          .field("consumerOffset", Math.max(0, lag.committedOffset()))
          .field("lastTimestamp", consumedMs.get(lag.topic())[lag.queueId()])
          .field("pullOffset", Math.max(0, lag.nextOffset()))
          .close('}');
    }
    out.close('}').close('}');
  }

  /** TopicStatsTable. */
  static byte[] topicStats(
      String brokerName, Topic topic, long[] lastStoredMs, double storedPerSecond) {
    long[] minOffsets = topic.minOffsets();
    long[] maxOffsets = topic.maxOffsets();
    JsonWriter out = new JsonWriter().open('{').name("offsetTable").open('{');
    for (int queueId = 0; queueId < maxOffsets.length; queueId++) {
      queue(out, brokerName, topic.config().name(), queueId);
      out.endKey()
          .open('{')
          .field("lastUpdateTimestamp", queueId < lastStoredMs.length ? lastStoredMs[queueId] : 0)
          .field("maxOffset", maxOffsets[queueId])
          .field("minOffset", minOffsets[queueId])
          .close('}');
    }
    return out.close('}').field("topicPutTps", storedPerSecond).close('}').toByteArray();
  }
}
