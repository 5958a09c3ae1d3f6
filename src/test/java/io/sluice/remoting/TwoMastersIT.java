package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.ElectedNodes;
import io.sluice.testkit.LongForm;
import io.sluice.testkit.TestClient;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.remoting.exception.RemotingException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: with two masters, slaves behind each and controllers that decide both, the loss of one
 * master is that of one master only. Method: three controllers and five servers as processes, in no
 * cluster: each Broker tells the NameServers of all. The name that loses its master has two slaves,
 * so that ack level replicated goes on. Topics are at either master or at both; who sends over HTTP
 * tries one server after the other.
 */
class TwoMastersIT {

  private static final String A = "broker-a";
  private static final String B = "broker-b";
  private static final String ONLY_A = "only-a";
  private static final String ONLY_B = "only-b";
  private static final String BOTH = "both";
  private static final int QUEUES = 2;
  private static final long PACE_NS = 5_000_000;
  private static final long RETRY_NS = 20_000_000;

  @TempDir Path directory;

  private final Map<String, Set<String>> acked = new ConcurrentHashMap<>();
  private final List<String> broken = new CopyOnWriteArrayList<>();
  private final List<Thread> load = new ArrayList<>();
  private final Set<String> sentTo = ConcurrentHashMap.newKeySet();
  private final Set<String> consumed = ConcurrentHashMap.newKeySet();
  private volatile boolean sending = true;
  private ElectedNodes nodes;

  @BeforeEach
  void begin() {
    nodes = new ElectedNodes(directory, Map.of(1, A, 2, A, 3, A, 4, B, 5, B));
    for (String topic : List.of(ONLY_A, ONLY_B, BOTH)) {
      acked.put(topic, ConcurrentHashMap.newKeySet());
    }
  }

  @AfterEach
  void end() {
    sending = false;
    nodes.close();
  }

  @LongForm
  @Test
  void shouldReplaceOneMasterAndLeaveTheOtherInPeace() throws Exception {
    startAll();
    int first = nodes.awaitInSync(A, 2);
    int other = nodes.awaitInSync(B, 1);
    long epoch = nodes.broker(other).getLong("epoch");
    load(() -> sendToAny(ONLY_A, nodes.of(A)));
    load(() -> sendToAny(BOTH, nodes.servers()));
    load(() -> sendToOne(ONLY_B, other));
    awaitMore(ONLY_A, ONLY_B, BOTH);

    nodes.kill(first);
    awaitMore(ONLY_B, BOTH);
    int next = nodes.awaitMaster(A, first);
    awaitMore(ONLY_A, ONLY_B, BOTH);
    nodes.start(first);
    assertEquals(next, nodes.awaitInSync(A, 2));
    awaitMore(ONLY_A, ONLY_B, BOTH);
    finish();

    assertEquals(List.of(), broken);
    JsonObject untouched = nodes.broker(other);
    assertEquals("master", untouched.getString("role"));
    assertEquals(epoch, untouched.getLong("epoch"));
    assertStored(ONLY_A, next);
    assertStored(ONLY_B, other);
    assertStored(BOTH, next, other);
  }

  @LongForm
  @Test
  void shouldLetNoClientNoticeThatEachProcessIsStartedAnew() throws Exception {
    startAll();
    try (RocketMqClients clients = new RocketMqClients(nodes.nameServers())) {
      consume(clients);
      DefaultMQProducer producer = clients.producer("two-masters-rolling", 1_000);
      load(() -> sendWithoutError(producer));
      load(() -> sendToAny(BOTH, nodes.servers()));
      awaitMore(BOTH);
      List<Integer> all = new ArrayList<>(nodes.servers());
      all.addAll(ElectedNodes.CONTROLLERS);
      for (int number : all) {
        assertEquals(143, nodes.stop(number));
        awaitMore(BOTH);
        nodes.start(number);
        nodes.awaitInSync(A, 2);
        nodes.awaitInSync(B, 1);
        awaitSendsTo(A);
        awaitSendsTo(B);
      }
      finish();
      assertEquals(List.of(), broken);
      assertStored(BOTH, nodes.awaitInSync(A, 2), nodes.awaitInSync(B, 1));
      Await.until(
          () -> "consumed are " + consumed.size() + " of " + acked.get(BOTH).size(),
          () -> consumed.containsAll(acked.get(BOTH)));
    }
  }

  @LongForm
  @Test
  void shouldServeClientsAsTheyAreShippedOverAnElection() throws Exception {
    startAll();
    try (RocketMqClients clients = new RocketMqClients(nodes.nameServers())) {
      Shipped toOne = new Shipped(clients.shippedProducer("two-masters-one"), ONLY_A);
      Shipped toBoth = new Shipped(clients.shippedProducer("two-masters-both"), BOTH);
      load(toOne::sendAll);
      load(toBoth::sendAll);
      awaitMore(ONLY_A, BOTH);
      int first = nodes.awaitInSync(A, 2);
      nodes.kill(first);
      int next = nodes.awaitMaster(A, first);
      awaitMore(BOTH, ONLY_A);
      finish();
      assertStored(ONLY_A, next);
      assertStored(BOTH, next, nodes.awaitInSync(B, 1));
      System.out.println("a master was killed, its slave elected; " + toOne + "; " + toBoth);
    }
  }

  /** All processes, the topics, and masters with slaves in sync. */
  private void startAll() throws Exception {
    nodes.startAll();
    put(nodes.awaitInSync(A, 2), ONLY_A, BOTH);
    put(nodes.awaitInSync(B, 1), ONLY_B, BOTH);
  }

  private void put(int server, String... topics) throws Exception {
    for (String topic : topics) {
      nodes
          .client(server)
          .put("/v1/topics/" + topic, new JsonObject().put("queues", QUEUES))
          .expect(201);
    }
  }

  // Load.

  private interface Step {
    void run() throws Exception;
  }

  private void load(Step step) {
    Thread thread =
        new Thread(
            () -> {
              try {
                step.run();
              } catch (Exception | AssertionError e) {
                broken.add(e + ", by " + e.getCause());
              }
            });
    load.add(thread);
    thread.start();
  }

  private void finish() throws InterruptedException {
    sending = false;
    for (Thread thread : load) {
      thread.join();
    }
  }

  private void awaitMore(String... topics) {
    for (String topic : topics) {
      int enough = acked.get(topic).size() + 50;
      Await.until(
          () -> "sends to " + topic + " go on; " + broken,
          () -> acked.get(topic).size() >= enough || !broken.isEmpty());
    }
    assertEquals(List.of(), broken);
  }

  /** One message after the other, each to one server after the other until it is taken. */
  private void sendToAny(String topic, List<Integer> servers) throws Exception {
    for (int i = 0; sending; i++) {
      int turn = i;
      while (sending && !isTaken(topic, "h" + i, servers.get(turn++ % servers.size()))) {
        LockSupport.parkNanos(RETRY_NS);
      }
      LockSupport.parkNanos(PACE_NS);
    }
  }

  private boolean isTaken(String topic, String body, int server) throws Exception {
    try {
      TestClient.Answer answer = nodes.client(server).send(topic, body, "Idempotency-Key", body);
      if (answer.status() == 201) {
        acked.get(topic).add(body);
        return true;
      }
      if (answer.status() < 500 && answer.status() != 429) {
        broken.add(body + " to server " + server + ": " + answer);
      }
    } catch (IOException e) {
      // It is down.
    }
    return false;
  }

  /** As if there were no other server: whatever is not an ack is against the rule. */
  private void sendToOne(String topic, int server) throws Exception {
    for (int i = 0; sending; i++) {
      nodes.client(server).send(topic, "b" + i).expect(201);
      acked.get(topic).add("b" + i);
      LockSupport.parkNanos(PACE_NS);
    }
  }

  /** RocketMQ's client tries three times by itself; after that nothing may be wrong. */
  private void sendWithoutError(DefaultMQProducer producer) throws Exception {
    for (int i = 0; sending; i++) {
      SendResult result = producer.send(RocketMqClients.message(BOTH, "A", "m" + i));
      assertEquals(SendStatus.SEND_OK, result.getSendStatus());
      acked.get(BOTH).add("m" + i);
      sentTo.add(result.getMessageQueue().getBrokerName());
      LockSupport.parkNanos(PACE_NS);
    }
  }

  /** The next process goes only when producers know again that this master is there. */
  private void awaitSendsTo(String name) {
    sentTo.clear();
    Await.until(
        () -> "sends to " + name + "; " + broken, () -> sentTo.contains(name) || !broken.isEmpty());
    assertEquals(List.of(), broken);
  }

  private void consume(RocketMqClients clients) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer("two-masters-group");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setPollNameServerInterval(1_000);
    consumer.subscribe(BOTH, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(
                  message -> consumed.add(new String(message.getBody(), StandardCharsets.UTF_8)));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
  }

  /** A caller that knows no more than to send again what failed. */
  private final class Shipped {

    private final DefaultMQProducer producer;
    private final String topic;
    private int exceptions;
    private long longestPauseMs;

    Shipped(DefaultMQProducer producer, String topic) {
      this.producer = producer;
      this.topic = topic;
    }

    void sendAll() throws Exception {
      long lastNs = System.nanoTime();
      for (int i = 0; sending; ) {
        try {
          String body = producer.getProducerGroup() + i;
          SendResult result = producer.send(RocketMqClients.message(topic, "A", body));
          assertEquals(SendStatus.SEND_OK, result.getSendStatus());
          acked.get(topic).add(body);
          i++;
          longestPauseMs = Math.max(longestPauseMs, (System.nanoTime() - lastNs) / 1_000_000);
          lastNs = System.nanoTime();
        } catch (MQClientException | MQBrokerException | RemotingException e) {
          exceptions++;
          LockSupport.parkNanos(RETRY_NS);
        }
        LockSupport.parkNanos(PACE_NS);
      }
    }

    @Override
    public String toString() {
      return "sends to topic "
          + topic
          + ": "
          + exceptions
          + " exceptions at the caller, no ack for "
          + longestPauseMs
          + " ms";
    }
  }

  /** All that was acked is at one of these. */
  private void assertStored(String topic, int... servers) throws Exception {
    Set<String> missing = new TreeSet<>(acked.get(topic));
    assertTrue(!missing.isEmpty(), topic);
    for (int server : servers) {
      for (int queueId = 0; queueId < QUEUES; queueId++) {
        for (JsonObject message : nodes.client(server).browse(topic, queueId)) {
          missing.remove(message.getString("body"));
        }
      }
    }
    assertEquals(Set.of(), missing, topic);
  }
}
