package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.app.SluiceOptions;
import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Await;
import io.sluice.testkit.QueueOrder;
import io.sluice.testkit.RealRocketMq;
import io.sluice.testkit.Servers;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: RocketMQ's orderly consumers keep the order of each queue when a slave takes over. Method:
 * a producer sends to each queue one message after the other; two consumers share the queues while
 * the master is killed and the slave promoted, and then the other way round. What was consumed of
 * each queue is what was sent to it.
 */
class RocketMqOrderlyFailoverIT {

  private static final String TOPIC = "orderly-failover";
  private static final String GROUP = "orderly-failover-group";
  private static final String BROKER = "/v1/brokers/broker-a";
  private static final int QUEUES = 4;
  private static final long PACE_NS = 2_000_000;

  @TempDir Path directory;

  private final int[] ports = {RealRocketMq.freePort(), RealRocketMq.freePort()};
  private final QueueOrder order = new QueueOrder();
  private final AtomicBoolean over = new AtomicBoolean();
  private final List<List<String>> sent =
      IntStream.range(0, QUEUES).<List<String>>mapToObj(queue -> new ArrayList<>()).toList();

  @AfterEach
  void end() {
    over.set(true);
  }

  @Test
  void shouldKeepTheOrderOfEachQueueWhenTheSlaveTakesOver() throws Exception {
    try (TestServer names =
        TestServer.start(
            directory.resolve("names"),
            options -> options.setRoles(Set.of(SluiceOptions.Role.NAMESERVER)))) {
      String nameServer = "127.0.0.1:" + names.sluice().nameServerPort();
      ServerProcess master = start(0, nameServer, false);
      ServerProcess slave = start(1, nameServer, true);
      try (RocketMqClients clients = new RocketMqClients(nameServer)) {
        awaitInSync(master);
        DefaultMQProducer producer = clients.producer("orderly-failover-producer", 1_000);
        Await.until(
            "a topic",
            () -> {
              producer.createTopic("TBW102", TOPIC, QUEUES, Map.of());
              return producer.fetchPublishMessageQueues(TOPIC).size() == QUEUES;
            });
        Thread sender = new Thread(() -> sendAll(producer));
        sender.start();
        consume(clients);
        consume(clients);
        awaitMore(200);
        for (int round = 0; round < 2; round++) {
          master.kill();
          new TestClient(URI.create(slave.url()))
              .post(BROKER + "/promote", new JsonObject())
              .expect(200);
          ServerProcess old = master;
          master = slave;
          slave = start(round % 2, nameServer, true);
          old.close();
          awaitInSync(master);
          awaitMore(200);
        }
        over.set(true);
        sender.join();
        Await.until(
            () -> "all, seen are " + order.seen() + ", " + order.broken(),
            () -> order.seen() >= sent.stream().mapToInt(List::size).sum());
        assertEquals(List.of(), order.broken());
        for (int queue = 0; queue < QUEUES; queue++) {
          assertEquals(sent.get(queue), order.bodies(queue));
        }
        System.out.println(
            order.seen() + " messages in order over two kills, again came " + order.repeats());
      } finally {
        over.set(true);
        master.close();
        slave.close();
      }
    }
  }

  private ServerProcess start(int node, String nameServer, boolean follows) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("--host", "127.0.0.1"));
    arguments.addAll(List.of("--store-segment", "1m", "--ack", "replicated"));
    arguments.addAll(List.of("--broker-nameservers", nameServer));
    arguments.addAll(List.of("--replication-port", Integer.toString(ports[node])));
    if (follows) {
      arguments.addAll(List.of("--replication-from", "127.0.0.1:" + ports[1 - node]));
    }
    return Servers.start(
        directory.resolve("node" + node), List.of("-Xmx64m"), arguments.toArray(String[]::new));
  }

  private static void awaitInSync(ServerProcess server) {
    TestClient client = new TestClient(URI.create(server.url()));
    Await.until("a slave in sync", () -> client.get(BROKER).json().getInteger("inSync") == 1);
  }

  /** One message after the other, each to the next queue, until it is taken. */
  private void sendAll(DefaultMQProducer producer) {
    for (int i = 0; !over.get(); i++) {
      String body = "m" + i;
      int queue = i % QUEUES;
      // Its id stays the same, by which the Broker knows what it has.
      Message message = RocketMqClients.message(TOPIC, "A", body);
      while (!isSent(producer, message, queue)) {
        LockSupport.parkNanos(10 * PACE_NS);
      }
      sent.get(queue).add(body);
      LockSupport.parkNanos(PACE_NS);
    }
  }

  private static boolean isSent(DefaultMQProducer producer, Message message, int queue) {
    try {
      return producer
              .send(message, new MessageQueue(TOPIC, "broker-a", queue), 3_000)
              .getSendStatus()
          == SendStatus.SEND_OK;
    } catch (Exception e) {
      // The master is gone, or another does not know yet that it is the master.
      return false;
    }
  }

  private void consume(RocketMqClients clients) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(GROUP);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setPollNameServerInterval(1_000);
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              for (MessageExt message : messages) {
                order.delivered(
                    message.getQueueId(),
                    message.getQueueOffset(),
                    new String(message.getBody(), StandardCharsets.UTF_8));
              }
              return ConsumeOrderlyStatus.SUCCESS;
            });
    consumer.start();
  }

  private void awaitMore(int count) {
    int enough = order.seen() + count;
    Await.until(
        () -> enough + " messages, seen are " + order.seen() + ", " + order.broken(),
        () -> order.seen() >= enough);
  }
}
