package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/** What holds for the official client while the Broker behind the front is started anew. */
@DisabledIfSystemProperty(
    named = "rocketmq.nameserver",
    matches = ".+",
    disabledReason = "a RocketMQ has no front that stays while its Broker is away")
@DisabledIfSystemProperty(
    named = "target",
    matches = "rocketmq",
    disabledReason = "a RocketMQ has no front that stays while its Broker is away")
class RocketMqRestartIT {

  private static final String TOPIC = "restart";

  @Test
  void shouldLoseNothingThatWasAnsweredAndGoOnAtOnce() throws Exception {
    try (InteropTarget target = new InteropTarget();
        RocketMqClients clients = new RocketMqClients(target.nameServer())) {
      DefaultMQProducer producer = clients.producer("restart-producer");
      Set<String> acked = ConcurrentHashMap.newKeySet();
      send(producer, acked, 0, 20);
      ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
      DefaultMQPushConsumer consumer = consumer(clients, seen);
      consumer.start();
      RocketMqClients.await(() -> "the first 20, " + seen.size(), () -> seen.size() >= 20);
      AtomicBoolean stop = new AtomicBoolean();
      Thread sender =
          new Thread(
              () -> {
                for (int i = 20; !stop.get(); i++) {
                  send(producer, acked, i, i + 1);
                }
              });
      sender.start();
      for (int round = 0; round < 3; round++) {
        int before = acked.size();
        RocketMqClients.await(() -> "sends go on", () -> acked.size() > before + 50);
        target.restartBroker();
      }
      int before = acked.size();
      RocketMqClients.await(() -> "sends go on", () -> acked.size() > before + 50);
      stop.set(true);
      sender.join(30_000);
      long fromNs = System.nanoTime();
      RocketMqClients.await(
          () -> acked.size() + " messages, " + Set.copyOf(seen).size(),
          () -> Set.copyOf(seen).containsAll(acked));
      // The clients' next heartbeat is up to 30 s away; they need not wait for it.
      assertTrue(System.nanoTime() - fromNs < 10_000_000_000L);
      consumer.shutdown();
      ConcurrentLinkedQueue<String> again = new ConcurrentLinkedQueue<>();
      consumer(clients, again).start();
      send(producer, acked, 1_000_000, 1_000_001);
      RocketMqClients.await(() -> "the last message", () -> again.contains("1000000"));
      assertEquals(List.of("1000000"), List.copyOf(again));
      Set<String> lost = new TreeSet<>(acked);
      lost.removeAll(seen);
      lost.removeAll(again);
      assertEquals(Set.of(), lost);
    }
  }

  private static DefaultMQPushConsumer consumer(
      RocketMqClients clients, ConcurrentLinkedQueue<String> seen) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer("restart-consumer");
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt message : messages) {
                seen.add(new String(message.getBody(), StandardCharsets.UTF_8));
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    return consumer;
  }

  private static void send(DefaultMQProducer producer, Set<String> acked, int from, int to) {
    for (int i = from; i < to; i++) {
      try {
        producer.send(RocketMqClients.message(TOPIC, "A", String.valueOf(i)));
        acked.add(String.valueOf(i));
      } catch (Exception refused) {
        // Not answered, so nothing is promised.
      }
    }
  }
}
