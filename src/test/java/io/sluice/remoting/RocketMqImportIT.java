package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.Sluice;
import io.sluice.app.SluiceOptions;
import io.sluice.broker.RocketMqImport;
import io.sluice.broker.RocketMqImport.Report;
import io.sluice.testkit.Await;
import io.sluice.testkit.RealRocketMq;
import io.sluice.util.Clock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * A user moves from RocketMQ to Sluice: the real Broker writes the store, the same clients go on.
 * With {@code -Dtarget=rocketmq} only.
 */
@EnabledIfSystemProperty(named = "target", matches = "rocketmq")
class RocketMqImportIT {

  private static final String TOPIC = "moving";
  private static final String GROUP = "movers";
  private static final int MESSAGES = 100;
  private static final int DELAYED = 6;

  @TempDir Path home;

  private final Map<String, Long> placesBefore = new HashMap<>();
  private final Set<String> received = new TreeSet<>();

  @Test
  void shouldLetTheSameClientsGoOnWhereTheyWere() throws Exception {
    Path data = home.resolve("data");
    Path store = writeWithRocketMq(home.resolve("rocketmq"));
    int before = received.size();
    assertTrue(before > 0 && before < MESSAGES, "of both kinds: " + before);
    Report report = importTo(store, data);
    assertEquals(MESSAGES, report.messages());
    assertEquals(DELAYED, report.delayed());
    Sluice sluice =
        Await.result(
            "the start",
            Sluice.start(
                new SluiceOptions().setHost("127.0.0.1").setAnyPorts().setDataDirectory(data)));
    try (RocketMqClients clients = new RocketMqClients("127.0.0.1:" + sluice.nameServerPort())) {
      DefaultLitePullConsumer consumer = consumer(clients);
      RocketMqClients.await(
          () -> "all of them, " + received.size(),
          () -> {
            consumer.poll(500).forEach(message -> take(message, true));
            return received.size() == MESSAGES;
          });
      SendResult sent =
          clients.producer("movers-producer").send(RocketMqClients.message(TOPIC, "A", "new"));
      assertTrue(sent.getQueueOffset() > 0, "the queues go on: " + sent);
    } finally {
      Await.result("the stop", sluice.close());
    }
  }

  private Path writeWithRocketMq(Path directory) throws Exception {
    try (RealRocketMq rocketMq = RealRocketMq.start(directory, Map.of())) {
      try (RocketMqClients clients = new RocketMqClients(rocketMq.nameServer())) {
        DefaultMQProducer producer = clients.producer("movers-producer");
        for (int i = 0; i < MESSAGES; i++) {
          SendResult sent = producer.send(RocketMqClients.message(TOPIC, "A", "m" + i));
          placesBefore.put("m" + i, place(sent.getMessageQueue().getQueueId(), sent));
        }
        for (int i = 0; i < DELAYED; i++) {
          Message message = RocketMqClients.message(TOPIC, "A", "later" + i);
          if (i % 2 == 0) {
            message.setDelayTimeLevel(18);
          } else {
            message.setDelayTimeMs(3_600_000);
          }
          producer.send(message);
        }
        DefaultLitePullConsumer consumer = consumer(clients);
        RocketMqClients.await(
            () -> "some of them",
            () -> {
              consumer.poll(500).forEach(message -> take(message, false));
              return received.size() >= MESSAGES / 4;
            });
        consumer.commit();
      }
      rocketMq.stopBroker();
    }
    return directory.resolve("store");
  }

  private static long place(int queueId, SendResult sent) {
    return queueId * 1_000_000L + sent.getQueueOffset();
  }

  private static DefaultLitePullConsumer consumer(RocketMqClients clients) throws Exception {
    DefaultLitePullConsumer consumer = clients.litePullConsumer(GROUP);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAutoCommit(false);
    consumer.setPullBatchSize(4);
    consumer.subscribe(TOPIC, "*");
    consumer.start();
    return consumer;
  }

  private void take(MessageExt message, boolean afterwards) {
    String body = new String(message.getBody(), StandardCharsets.UTF_8);
    assertTrue(
        received.add(body), () -> body + " came twice, " + (afterwards ? "after" : "before"));
    assertEquals(
        placesBefore.get(body), message.getQueueId() * 1_000_000L + message.getQueueOffset());
  }

  private static Report importTo(Path store, Path data) throws IOException {
    List<Long> levels = RemotingOptions.DEFAULT_DELAY_LEVELS_MS;
    return new RocketMqImport(store, data, levels, Clock.system(), (step, done, total) -> {}).run();
  }
}
