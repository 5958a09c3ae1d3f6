package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.BusCodec;
import io.sluice.bus.Filter;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * One group that goes from each way of consuming to each other one, nothing lost and nothing twice.
 * WebSocket subscriptions and HTTP receives are both leases, shared or ordered.
 */
class RocketMqChangeOverIT {

  private static final int QUEUES = 4;

  /** Messages for each stage, two in each queue. */
  private static final int MESSAGES = 2 * QUEUES;

  private enum Way {
    PUSH,
    ORDERLY,
    POP,
    SHARED_LEASES,
    ORDERED_LEASES
  }

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQProducer producer;
  private static DefaultMQAdminExt admin;

  private final String unique = Long.toString(System.nanoTime(), 36);
  private final String topic = "over" + unique;
  private final String group = "group" + unique;
  private int sent;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    producer = clients.producer("over-it");
    admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("over-it");
    admin.start();
  }

  @AfterAll
  static void stopTarget() throws Exception {
    admin.shutdown();
    clients.close();
    target.close();
  }

  @Test
  void shouldGoOnAtTheSamePlaceHoweverAGroupIsConsumedNext() throws Exception {
    assumeTrue(target.isSluice(), "leases are Sluice's own");
    producer.createTopic("TBW102", topic, QUEUES, Map.of());
    Way before = null;
    for (Way way : everyChange()) {
      String change = "from " + before + " to " + way + " at message " + sent;
      List<String> expected = send();
      List<String> got = isLeases(way) ? lease(way) : consume(way, change);
      assertEquals(expected.size(), got.size(), change + ": " + got);
      assertEquals(Set.copyOf(expected), Set.copyOf(got), change);
      before = way;
    }
  }

  /** A walk over all ways in which each follows each other one once. */
  private static List<Way> everyChange() {
    Set<String> gone = new HashSet<>();
    Deque<Way> stack = new ArrayDeque<>(List.of(Way.PUSH));
    List<Way> walk = new ArrayList<>();
    while (!stack.isEmpty()) {
      Way at = stack.peek();
      Way next = null;
      for (Way way : Way.values()) {
        if (way != at && gone.add(at + " " + way)) {
          next = way;
          break;
        }
      }
      if (next == null) {
        walk.add(0, stack.pop());
      } else {
        stack.push(next);
      }
    }
    assertEquals(1 + 5 * 4, walk.size());
    return walk;
  }

  private static boolean isLeases(Way way) {
    return way == Way.SHARED_LEASES || way == Way.ORDERED_LEASES;
  }

  private List<String> send() throws Exception {
    List<String> bodies = new ArrayList<>();
    for (int i = 0; i < MESSAGES; i++) {
      String body = String.valueOf(sent++);
      producer.send(
          RocketMqClients.message(topic, "A", body),
          new MessageQueue(topic, InteropTarget.BROKER, i % QUEUES));
      bodies.add(body);
    }
    return bodies;
  }

  /** By a RocketMQ client that comes, consumes what there is, and leaves. */
  private List<String> consume(Way way, String change) throws Exception {
    List<String> got = new CopyOnWriteArrayList<>();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setAwaitTerminationMillisWhenShutdown(10_000);
    consumer.subscribe(topic, "*");
    if (way == Way.ORDERLY) {
      consumer.registerMessageListener(
          (MessageListenerOrderly)
              (messages, context) -> {
                messages.forEach(message -> got.add(text(message)));
                return ConsumeOrderlyStatus.SUCCESS;
              });
    } else {
      consumer.registerMessageListener(
          (MessageListenerConcurrently)
              (messages, context) -> {
                messages.forEach(message -> got.add(text(message)));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
              });
    }
    setMode(way == Way.POP ? MessageRequestMode.POP : MessageRequestMode.PULL);
    consumer.setClientRebalance(way != Way.POP);
    consumer.start();
    RocketMqClients.await(() -> change + ", there are " + got, () -> got.size() >= MESSAGES);
    consumer.shutdown();
    RocketMqClients.await(() -> change + ": its last requests still wait", this::nobodyWaits);
    return got;
  }

  /** A pop that still waits would take a message with it, for as long as that is invisible then. */
  private boolean nobodyWaits() {
    try {
      BrokerInfo broker = ask(Addresses.admin(InteropTarget.BROKER), new AdminRequest.GetBroker());
      return broker.waitingReceives() == 0;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** The group is there after its first client, and pulls are its way until it is told another. */
  private void setMode(MessageRequestMode mode) throws Exception {
    if (sent > MESSAGES) {
      admin.setMessageRequestMode(target.front().advertisedAddress(), topic, group, mode, 0, 5_000);
    }
  }

  private List<String> lease(Way way) throws Exception {
    List<String> got = new ArrayList<>();
    while (got.size() < MESSAGES) {
      ReceiveReply reply = ask(Addresses.receive(InteropTarget.BROKER), receive(way));
      SettleRequest settle = new SettleRequest(group);
      try (MessageBlock messages = reply.messages()) {
        assertEquals(true, messages.count() > 0, "nothing came, there are " + got);
        MessageView view = new MessageView();
        for (int i = 0; i < messages.count(); i++) {
          messages.view(i, view);
          got.add(new String(view.body(), StandardCharsets.UTF_8));
          settle.ack(topic, view.queueId(), view.queueOffset(), reply.leases()[i]);
        }
      }
      SettleReply settled = ask(Addresses.settle(InteropTarget.BROKER), settle);
      assertEquals(
          Set.of(SettleReply.Outcome.OK), Set.copyOf(List.of(settled.outcomes())), got::toString);
    }
    return got;
  }

  private ReceiveRequest receive(Way way) {
    return new ReceiveRequest(
        group,
        topic,
        3,
        1 << 20,
        5_000,
        30_000,
        Filter.ALL,
        way == Way.ORDERED_LEASES,
        StartPosition.EARLIEST,
        null);
  }

  private static <T> T ask(String address, Object request) throws Exception {
    return InteropTarget.await(
        target
            .vertx()
            .eventBus()
            .<T>request(address, request, BusCodec.options(20_000))
            .map(message -> message.body()));
  }

  private static String text(MessageExt message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }
}
