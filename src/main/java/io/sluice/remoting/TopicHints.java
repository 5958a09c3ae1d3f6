package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.ClientKept;
import io.sluice.bus.TopicConfig;
import io.vertx.core.Future;
import java.util.HashMap;
import java.util.Map;

/**
 * Remembers for a few seconds which topics the Broker has, so that not every send has to ask before
 * it may make its topic. Only a hint: the Broker decides. Event loop of the front only.
 */
final class TopicHints {

  /** A topic that was deleted is made again with the client's number of queues after so long. */
  private static final long MAX_AGE_NS = 5_000_000_000L;

  /** About 10 MB; when full, all is forgotten and asked again. */
  private static final int MAX_TOPICS = 100_000;

  private record Hint(TopicConfig config, long untilNs) {}

  private final BrokerLink broker;
  private final Map<String, Hint> hints = new HashMap<>();
  private final Map<String, Future<TopicConfig>> asking = new HashMap<>();

  TopicHints(BrokerLink broker) {
    this.broker = broker;
  }

  /** The topic if it was there lately, else null. */
  TopicConfig find(String topic, long nowNs) {
    Hint hint = hints.get(topic);
    return hint != null && hint.untilNs - nowNs > 0 ? hint.config : null;
  }

  /** Asks the Broker for the topic, which makes it if it may; several who ask share one answer. */
  Future<TopicConfig> ensure(String topic, String template, int queues, long nowNs) {
    Future<TopicConfig> running = asking.get(topic);
    if (running != null) {
      return running;
    }
    Future<TopicConfig> asked =
        broker
            .<AdminRequest.Topic>clientKept(new ClientKept.EnsureTopic(topic, template, queues))
            .map(AdminRequest.Topic::config);
    asking.put(topic, asked);
    asked.onComplete(
        result -> {
          asking.remove(topic);
          if (result.succeeded()) {
            remember(topic, result.result(), nowNs);
          }
        });
    return asked;
  }

  private void remember(String topic, TopicConfig config, long nowNs) {
    if (hints.size() >= MAX_TOPICS) {
      hints.clear();
    }
    hints.put(topic, new Hint(config, nowNs + MAX_AGE_NS));
  }
}
