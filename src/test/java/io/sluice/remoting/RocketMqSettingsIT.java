package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official client with settings that change how it speaks, and to which port. */
class RocketMqSettingsIT {

  private static final int COUNT = 50;

  private InteropTarget target;
  private RocketMqClients clients;
  private String topic;

  @BeforeEach
  void start() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    topic = "settings" + Long.toString(System.nanoTime(), 36);
    clients.producer("settings-it").createTopic("TBW102", topic, 4, Map.of());
  }

  @AfterEach
  void stop() throws Exception {
    clients.close();
    target.close();
  }

  @Test
  void shouldTakeSendsWithTheHeaderOfTheFirstVersion() throws Exception {
    assertEquals(
        "exit 0 [10] [JSON] [JSON]",
        ProducerProcess.send(
            target.nameServer(), topic, COUNT, "-Dorg.apache.rocketmq.client.sendSmartMsg=false"));
    List<String> seen = new CopyOnWriteArrayList<>();
    consume(seen, false);
    awaitAll(seen);
  }

  @Test
  void shouldServeClientsThatWriteTheirHeadersInBinary() throws Exception {
    String setting = "-Drocketmq.serialize.type=ROCKETMQ";
    try (ConsumerProcess consumer =
        new ConsumerProcess(target.nameServer(), topic + "-group", topic, setting)) {
      // A RocketMQ answers in its own form, JSON, whatever it was asked in.
      String answered = target.isSluice() ? "ROCKETMQ" : "JSON";
      assertEquals(
          "exit 0 [310] [ROCKETMQ] [" + answered + "]",
          ProducerProcess.send(target.nameServer(), topic, COUNT, setting));
      awaitAll(consumer.bodies());
    }
  }

  @Test
  void shouldServeClientsAtThePortForUrgentRequests() throws Exception {
    Addresses addresses = new Addresses();
    DefaultMQProducer producer = new DefaultMQProducer("settings-vip", addresses);
    producer.setNamesrvAddr(target.nameServer());
    producer.setInstanceName("vip-" + topic);
    producer.setVipChannelEnabled(true);
    producer.setSendMsgTimeout(10_000);
    producer.start();
    try {
      for (int i = 0; i < COUNT; i++) {
        producer.send(RocketMqClients.message(topic, "A", String.valueOf(i)));
      }
    } finally {
      producer.shutdown();
    }
    assertEquals(Set.of("127.0.0.1:" + (target.brokerPort() - 2)), addresses.ofSends);
    List<String> seen = new CopyOnWriteArrayList<>();
    consume(seen, true);
    awaitAll(seen);
  }

  private void consume(List<String> seen, boolean vip) throws Exception {
    DefaultMQPushConsumer consumer = clients.pushConsumer(topic + "-group");
    consumer.setVipChannelEnabled(vip);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              messages.forEach(
                  message -> seen.add(new String(message.getBody(), StandardCharsets.UTF_8)));
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
  }

  /** Each body once. */
  private static void awaitAll(List<String> seen) {
    RocketMqClients.await(() -> COUNT + " messages, " + seen.size(), () -> seen.size() >= COUNT);
    List<String> sorted = new ArrayList<>(seen);
    sorted.sort(null);
    assertEquals(IntStream.range(0, COUNT).mapToObj(String::valueOf).sorted().toList(), sorted);
  }

  /** Notes where sends go. */
  private static final class Addresses implements RPCHook {

    private final Set<String> ofSends = new ConcurrentSkipListSet<>();

    @Override
    public void doBeforeRequest(String address, RemotingCommand request) {
      if (request.getCode() == RequestCode.SEND_MESSAGE_V2) {
        ofSends.add(address);
      }
    }

    @Override
    public void doAfterResponse(String address, RemotingCommand request, RemotingCommand response) {
      // Only the way there counts.
    }
  }
}
