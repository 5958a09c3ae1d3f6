package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The calls that the official dashboard makes, with the admin clients 5.5.0 and 4.9.8; the
 * expectations are to hold against RocketMQ itself too.
 */
class RocketMqDashboardIT {

  private static final String TOPIC = "dash-topic";
  private static final String GROUP = "dash-group";
  private static final String PRODUCER = "dash-producer";

  private static final int CALLS = 38;

  /** What stands in the answers. */
  private static final Map<String, Set<String>> SHOWN =
      Map.of(
          "examineBrokerClusterInfo/0", Set.of("DefaultCluster", "broker-a"),
          "fetchBrokerRuntimeStats/1",
              Set.of("putTps", "getTransferredTps", "msgPutTotalTodayNow", "brokerVersionDesc"),
          "getAllSubscriptionGroup/2", Set.of(GROUP, "retryMaxTimes"),
          "examineTopicStats/1", Set.of("maxOffset", "minOffset", "lastUpdateTimestamp"),
          "examineConsumeStats/1", Set.of("brokerOffset", "consumerOffset", "consumeTps"),
          "examineConsumerConnectionInfo/1", Set.of(TOPIC, "%RETRY%" + GROUP, "clientId"),
          "examineProducerConnectionInfo/2", Set.of("clientAddr"),
          "messageTrackDetail/1", Set.of("trackType"),
          "queryMessage/5", Set.of("KEYS", "UNIQ_KEY"),
          "viewBrokerStatsData/3", Set.of("statsMinute", "statsHour", "statsDay"));

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQPushConsumer consumer;
  private static SendResult sent;

  @BeforeAll
  static void start() throws Exception {
    // One of its own: what other tests have left would be in its lists.
    target = new InteropTarget(Map.of("brokerPermission", "6"));
    clients = new RocketMqClients(target.nameServer());
    DefaultMQProducer producer = clients.producer(PRODUCER);
    producer.createTopic("TBW102", TOPIC, 4, Map.of());
    producer.createTopic("TBW102", "%RETRY%" + GROUP, 1, Map.of());
    send(producer);
    AtomicInteger count = new AtomicInteger();
    consumer = clients.pushConsumer(GROUP);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              count.addAndGet(messages.size());
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    RocketMqClients.await(() -> "8 messages, " + count, () -> count.get() >= 8);
    consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
    // What is pulled before a group's first commit is not counted as the group's.
    send(producer);
    RocketMqClients.await(() -> "16 messages, " + count, () -> count.get() >= 16);
    consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
    // The Broker hears of a producer by its heartbeat, which comes every 30 s.
    producer.getDefaultMQProducerImpl().getmQClientFactory().sendHeartbeatToAllBrokerWithLock();
    RocketMqClients.await(() -> "rates of the topic", RocketMqDashboardIT::areRatesThere);
  }

  private static void send(DefaultMQProducer producer) throws Exception {
    for (int i = 0; i < 8; i++) {
      Message message = RocketMqClients.message(TOPIC, "TagA", "body" + i);
      message.setKeys("key" + i);
      sent = producer.send(message);
    }
  }

  @AfterAll
  static void stop() throws Exception {
    clients.close();
    target.close();
  }

  /** They are counted every ten seconds. */
  private static boolean areRatesThere() {
    DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("rates-" + System.nanoTime());
    try {
      admin.start();
      admin.viewBrokerStatsData(broker(), "TOPIC_PUT_NUMS", TOPIC);
      admin.viewBrokerStatsData(broker(), "GROUP_GET_NUMS", TOPIC + "@" + GROUP);
      return true;
    } catch (Exception notYet) {
      return false;
    } finally {
      admin.shutdown();
    }
  }

  @Test
  void shouldAnswerTheAdminClientOfVersionFive() throws Exception {
    check(new DashboardScenario().apply(input()), Map.of());
  }

  @Test
  @SuppressWarnings("unchecked") // the scenario is a JDK function, whichever loader made it
  void shouldAnswerTheAdminClientOfVersionFour() throws Exception {
    List<URL> classPath = new ArrayList<>();
    try (Stream<Path> jars = Files.list(Path.of("target", "rocketmq-4.9.8"))) {
      for (Path jar : jars.toList()) {
        classPath.add(jar.toUri().toURL());
      }
    }
    classPath.add(DashboardScenario.class.getProtectionDomain().getCodeSource().getLocation());
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    System.setProperty("rocketmq.client.logRoot", "target/rocketmq-client");
    try (URLClassLoader loader =
        new URLClassLoader(classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      thread.setContextClassLoader(loader);
      UnaryOperator<String> scenario =
          (UnaryOperator<String>)
              loader
                  .loadClass(DashboardScenario.class.getName())
                  .getDeclaredConstructor()
                  .newInstance();
      // Its form has another argument more.
      check(scenario.apply(input()), Map.of("deleteTopicInNameServer/2", "NoSuchMethodException"));
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  private static String input() throws Exception {
    return "nameServer="
        + target.nameServer()
        + ";broker="
        + broker()
        + ";topic="
        + TOPIC
        + ";group="
        + GROUP
        + ";producer="
        + PRODUCER
        + ";id="
        + sent.getOffsetMsgId()
        + ";key=key3;client="
        + consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
  }

  private static String broker() throws Exception {
    return consumer
        .getDefaultMQPushConsumerImpl()
        .getmQClientFactory()
        .findBrokerAddressInPublish("broker-a");
  }

  /** Each call has an answer, and in it what the dashboard shows. */
  private static void check(String answers, Map<String, String> otherwise) {
    Map<String, String> found = new TreeMap<>();
    answers
        .lines()
        .forEach(
            line ->
                found.put(
                    line.substring(0, line.indexOf(": ")), line.substring(line.indexOf(": ") + 2)));
    assertEquals(CALLS, found.size(), answers);
    Map<String, String> wrong = new TreeMap<>();
    found.forEach(
        (call, answer) -> {
          String failure = call.endsWith(" of none") ? "MQClientException 17" : otherwise.get(call);
          if (failure == null ? !answer.startsWith("ok ") : !answer.equals(failure)) {
            wrong.put(call, answer);
          }
        });
    SHOWN.forEach(
        (call, names) -> {
          Set<String> missing = new TreeSet<>(names);
          missing.removeAll(Arrays.asList(found.get(call).split("[\\[\\],; ]+")));
          if (!missing.isEmpty()) {
            wrong.put(call, "without " + missing + ": " + found.get(call));
          }
        });
    assertEquals(Map.of(), wrong);
  }
}
