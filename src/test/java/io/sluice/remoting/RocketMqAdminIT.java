package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.admin.ConsumeStats;
import org.apache.rocketmq.remoting.protocol.admin.TopicOffset;
import org.apache.rocketmq.remoting.protocol.body.ClusterInfo;
import org.apache.rocketmq.remoting.protocol.body.ConsumerConnection;
import org.apache.rocketmq.remoting.protocol.heartbeat.ConsumeType;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;
import org.apache.rocketmq.remoting.protocol.route.QueueData;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;
import org.apache.rocketmq.remoting.protocol.subscription.ExponentialRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicy;
import org.apache.rocketmq.remoting.protocol.subscription.GroupRetryPolicyType;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official admin client and mqadmin: what they are told and what they print. */
class RocketMqAdminIT {

  private static InteropTarget target;
  private static RocketMqClients shared;
  private static DefaultMQProducer producer;
  private static DefaultMQAdminExt admin;

  private RocketMqClients clients;
  private String topic;
  private String group;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    shared = new RocketMqClients(target.nameServer());
    producer = shared.producer("admin-it");
    admin = new DefaultMQAdminExt(10_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("admin-it");
    admin.start();
  }

  @AfterAll
  static void stopTarget() throws Exception {
    admin.shutdown();
    shared.close();
    target.close();
  }

  @BeforeEach
  void setUp() {
    clients = new RocketMqClients(target.nameServer());
    String unique = Long.toString(System.nanoTime(), 36);
    topic = "admin" + unique;
    group = "group" + unique;
  }

  @AfterEach
  void tearDown() {
    clients.close();
  }

  @Test
  void shouldCreateDescribeAndDeleteATopic() throws Exception {
    admin.createAndUpdateTopicConfig(brokerAddress(), new TopicConfig(topic, 3, 3));
    RocketMqClients.await(() -> "the topic in the list", () -> topics().contains(topic));
    assertEquals(3, admin.examineTopicRouteInfo(topic).getQueueDatas().get(0).getReadQueueNums());
    TopicConfig config = admin.examineTopicConfig(brokerAddress(), topic);
    assertEquals(3, config.getWriteQueueNums());
    assertEquals(6, config.getPerm());
    producer.send(RocketMqClients.message(topic, "A", "m"), queue(1));
    RocketMqClients.await(
        () -> "the message in the stats", () -> offsets().get(1).getMaxOffset() == 1);
    assertEquals(0, offsets().get(1).getMinOffset());
    assertEquals(3, offsets().size());
    assertNotNull(admin.getAllTopicConfig(brokerAddress(), 5_000).getTopicConfigTable().get(topic));
    admin.deleteTopicInBroker(Set.of(brokerAddress()), topic);
    admin.deleteTopicInNameServer(Set.of(target.nameServer()), topic);
    RocketMqClients.await(() -> "the topic out of the list", () -> !topics().contains(topic));
  }

  @Test
  void shouldRefuseATopicWithAnIllegalName() {
    MQClientException refused =
        assertThrows(
            MQClientException.class,
            () -> admin.createAndUpdateTopicConfig(brokerAddress(), new TopicConfig("a b", 3, 3)));
    assertEquals(ResponseCode.INVALID_PARAMETER, refused.getResponseCode());
  }

  @Test
  void shouldDescribeTheClusterAndTheBroker() throws Exception {
    ClusterInfo cluster = admin.examineBrokerClusterInfo();
    assertEquals(Set.of(InteropTarget.BROKER), cluster.getClusterAddrTable().get("DefaultCluster"));
    Map<String, String> runtime = admin.fetchBrokerRuntimeStats(brokerAddress()).getTable();
    assertTrue(runtime.get("brokerVersionDesc").startsWith("V5"));
    // Three of them, but RocketMQ itself leaves out those it has not measured yet.
    assertTrue(runtime.get("getTransferredTps").trim().split(" ").length <= 3);
    Properties config = admin.getBrokerConfig(brokerAddress());
    assertEquals(InteropTarget.BROKER, config.getProperty("brokerName"));
  }

  @Test
  void shouldDescribeAGroupWithItsClientsAndItsProgress() throws Exception {
    for (int i = 0; i < 4; i++) {
      producer.send(RocketMqClients.message(topic, "A", "m" + i));
    }
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.subscribe(topic, "A || B");
    AtomicInteger count = new AtomicInteger();
    consumer.registerMessageListener(counter(count));
    consumer.start();
    RocketMqClients.await(() -> "4 messages", () -> count.get() == 4);
    ConsumerConnection connection = admin.examineConsumerConnectionInfo(group);
    assertEquals(1, connection.getConnectionSet().size());
    assertEquals(ConsumeType.CONSUME_PASSIVELY, connection.getConsumeType());
    assertEquals(MessageModel.CLUSTERING, connection.getMessageModel());
    assertEquals(Set.of("A", "B"), connection.getSubscriptionTable().get(topic).getTagsSet());
    assertTrue(admin.queryTopicConsumeByWho(topic).getGroupList().contains(group));
    consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
    RocketMqClients.await(() -> "the progress", () -> consumed() == 4);
    ConsumeStats stats = admin.examineConsumeStats(group, topic);
    assertEquals(0, stats.computeTotalDiff());
    assertEquals(
        1, admin.examineProducerConnectionInfo("admin-it", topic).getConnectionSet().size());
    consumer.shutdown();
    RocketMqClients.await(
        () -> "the group to be offline",
        () -> {
          try {
            admin.examineConsumerConnectionInfo(group);
            return false;
          } catch (MQBrokerException offline) {
            return offline.getResponseCode() == 206;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Test
  void shouldKeepAGroupsConfiguration() throws Exception {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName(group);
    config.setRetryMaxTimes(5);
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
    assertEquals(
        5, admin.examineSubscriptionGroupConfig(brokerAddress(), group).getRetryMaxTimes());
    assertTrue(
        admin
            .getAllSubscriptionGroup(brokerAddress(), 5_000)
            .getSubscriptionGroupTable()
            .containsKey(group));
    admin.deleteSubscriptionGroup(brokerAddress(), group, true);
    assertTrue(
        !admin
            .getAllSubscriptionGroup(brokerAddress(), 5_000)
            .getSubscriptionGroupTable()
            .containsKey(group));
  }

  @Test
  void shouldFindMessagesByKeyUniqueIdAndOffsetId() throws Exception {
    Message message = RocketMqClients.message(topic, "A", "wanted");
    message.setKeys("order-1 order-2");
    SendResult sent = producer.send(message);
    producer.send(RocketMqClients.message(topic, "A", "other"));
    MessageExt byOffsetId = producer.viewMessage(topic, sent.getOffsetMsgId());
    assertEquals("wanted", new String(byOffsetId.getBody(), StandardCharsets.UTF_8));
    RocketMqClients.await(() -> "the message in the index", () -> find("order-2") == 1);
    assertEquals(0, find("order-3"));
    MessageExt byUniqueId = producer.viewMessage(topic, sent.getMsgId());
    assertEquals(sent.getQueueOffset(), byUniqueId.getQueueOffset());
  }

  @Test
  void shouldSendALiveGroupBackToATimeAndToTheEnd() throws Exception {
    for (int i = 0; i < 8; i++) {
      producer.send(RocketMqClients.message(topic, "A", "m" + i));
    }
    AtomicInteger count = new AtomicInteger();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(counter(count));
    consumer.start();
    RocketMqClients.await(() -> "8 messages", () -> count.get() == 8);
    consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
    RocketMqClients.await(() -> "the progress", () -> consumed() == 8);
    Map<MessageQueue, Long> offsets =
        admin.resetOffsetByTimestamp(topic, group, System.currentTimeMillis() - 3_600_000, true);
    assertEquals(4, offsets.size());
    assertTrue(offsets.values().stream().allMatch(offset -> offset == 0));
    RocketMqClients.await(() -> "all of them again, " + count, () -> count.get() == 16);
    consumer.shutdown();
    admin.resetOffsetByTimestamp(topic, group, -1, true);
    assertEquals(8, consumed());
  }

  @Test
  void shouldKeepTheTracesOfProducersAndConsumers() throws Exception {
    DefaultMQProducer tracing = clients.tracingProducer(group + "-producer");
    SendResult sent = tracing.send(RocketMqClients.message(topic, "A", "traced"));
    AtomicInteger count = new AtomicInteger();
    DefaultMQPushConsumer consumer = clients.pushConsumer(group);
    consumer.setEnableTrace(true);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(counter(count));
    consumer.start();
    RocketMqClients.await(() -> "the message", () -> count.get() == 1);
    String[] printed = {""};
    RocketMqClients.await(
        () -> "traces of sending and consuming: " + printed[0],
        () -> {
          printed[0] = traces(sent.getMsgId());
          return printed[0].contains("Pub") && printed[0].contains("Sub");
        });
    assertTrue(printed[0].contains(group + "-producer"), printed[0]);
    assertTrue(topics().contains("RMQ_SYS_TRACE_TOPIC"));
  }

  @Test
  void shouldFindByKeyTheNewestOfATime() throws Exception {
    Message message = RocketMqClients.message(topic, "A", "first");
    message.setKeys("k");
    producer.send(message);
    RocketMqClients.await(() -> "the first message in the index", () -> find("k") == 1);
    long firstMs =
        producer
            .queryMessage(topic, "k", 1, 0, Long.MAX_VALUE)
            .getMessageList()
            .get(0)
            .getStoreTimestamp();
    RocketMqClients.await(() -> "a later time", () -> System.currentTimeMillis() > firstMs + 1_100);
    for (int i = 0; i < 3; i++) {
      Message later = RocketMqClients.message(topic, "A", "later" + i);
      later.setKeys("k");
      producer.send(later);
    }
    RocketMqClients.await(() -> "all in the index", () -> find("k") == 4);
    // RocketMQ's index has seconds, which begin with the file: none is after what it stands for.
    QueryResult found = producer.queryMessage(topic, "k", 1, 0, firstMs);
    assertEquals("first", new String(found.getMessageList().get(0).getBody()));
  }

  @Test
  void shouldKeepThePositionsOfADeletedGroupUnlessTheyAreDeletedToo() throws Exception {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName(group);
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
    for (int i = 0; i < 4; i++) {
      producer.send(RocketMqClients.message(topic, "A", "m" + i));
    }
    admin.updateConsumeOffset(brokerAddress(), group, queue(0), 1);
    admin.deleteSubscriptionGroup(brokerAddress(), group);
    // A RocketMQ 5.5.0 makes it anew when it looks for its kind after that (isLiteGroupType).
    assertEquals(!target.isSluice(), groups().contains(group));
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
    assertEquals(1, position(0));
    admin.deleteSubscriptionGroup(brokerAddress(), group, true);
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
    assertEquals(0, position(0));
    // One that is not there is no mistake.
    admin.deleteSubscriptionGroup(brokerAddress(), group + "-none", true);
  }

  @Test
  void shouldResetOneQueueByTimeOrOffset() throws Exception {
    for (int i = 0; i < 8; i++) {
      producer.send(RocketMqClients.message(topic, "A", "m" + i));
    }
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName(group);
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
    assertEquals(Map.of(0, 2L, 1, 2L, 2, 2L, 3, 2L), reset(-1, -1, null));
    String printed =
        mqadmin(
            "resetOffsetByTime",
            "-n",
            target.nameServer(),
            "-g",
            group,
            "-t",
            topic,
            "-s",
            "now",
            "-b",
            brokerAddress(),
            "-q",
            "1",
            "-o",
            "1");
    assertTrue(printed.contains("reset consumer offset to 1"), printed);
    assertEquals(Map.of(1, 1L), reset(-1, 1, 1L));
    // Without an offset, or with -1, the time counts.
    assertEquals(Map.of(1, 0L), reset(0, 1, null));
    assertEquals(Map.of(1, 2L), reset(-1, 1, -1L));
  }

  @Test
  void shouldShowAGroupsRetriesAsTheyWereSet() throws Exception {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName(group);
    for (int times : new int[] {0, -1, 3}) {
      config.setRetryMaxTimes(times);
      admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
      assertEquals(times, groupConfig().getRetryMaxTimes());
    }
    assertEquals(GroupRetryPolicyType.CUSTOMIZED, groupConfig().getGroupRetryPolicy().getType());
    config.getGroupRetryPolicy().setType(GroupRetryPolicyType.EXPONENTIAL);
    config.getGroupRetryPolicy().setExponentialRetryPolicy(new ExponentialRetryPolicy(7, 70, 3));
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), config);
    GroupRetryPolicy policy = groupConfig().getGroupRetryPolicy();
    assertEquals(GroupRetryPolicyType.EXPONENTIAL, policy.getType());
    assertEquals(7, policy.getExponentialRetryPolicy().getInitial());
    assertEquals(70, policy.getExponentialRetryPolicy().getMax());
  }

  private SubscriptionGroupConfig groupConfig() throws Exception {
    return admin.examineSubscriptionGroupConfig(brokerAddress(), group);
  }

  @Test
  void shouldTellTheSameQueuesToReadAsTheRoute() throws Exception {
    admin.createAndUpdateTopicConfig(brokerAddress(), new TopicConfig(topic, 4, 4));
    admin.createAndUpdateTopicConfig(brokerAddress(), new TopicConfig(topic, 4, 2));
    QueueData[] route = {null};
    RocketMqClients.await(
        () -> "2 queues to write",
        () -> {
          route[0] = route().getQueueDatas().get(0);
          return route[0].getWriteQueueNums() == 2;
        });
    assertEquals(4, route[0].getReadQueueNums());
    TopicConfig one = admin.examineTopicConfig(brokerAddress(), topic);
    TopicConfig listed =
        admin.getAllTopicConfig(brokerAddress(), 5_000).getTopicConfigTable().get(topic);
    for (TopicConfig config : List.of(one, listed)) {
      assertEquals(4, config.getReadQueueNums());
      assertEquals(2, config.getWriteQueueNums());
      assertEquals(Map.of(), config.getAttributes());
    }
  }

  @Test
  void shouldTellHowFarAGroupIsInSomeTopicsOrInOrderedOnes() throws Exception {
    String ordered = topic + "-ordered";
    TopicConfig config = new TopicConfig(ordered, 1, 1);
    config.setOrder(true);
    admin.createAndUpdateTopicConfig(brokerAddress(), config);
    admin.createAndUpdateTopicConfig(brokerAddress(), new TopicConfig(topic, 1, 1));
    admin.createAndUpdateTopicConfig(brokerAddress(), new TopicConfig(topic + "-2", 1, 1));
    SubscriptionGroupConfig known = new SubscriptionGroupConfig();
    known.setGroupName(group);
    admin.createAndUpdateSubscriptionGroupConfig(brokerAddress(), known);
    for (String name : List.of(topic, topic + "-2", ordered)) {
      producer.send(
          RocketMqClients.message(name, "A", "m"), new MessageQueue(name, InteropTarget.BROKER, 0));
      admin.updateConsumeOffset(
          brokerAddress(), group, new MessageQueue(name, InteropTarget.BROKER, 0), 1);
    }
    assertEquals(
        Set.of(topic, ordered),
        topicsOf(
            api().getConsumeStats(brokerAddress(), group, null, List.of(topic, ordered), 10_000)));
    assertEquals(Set.of(ordered), consumed(true));
    assertTrue(consumed(false).containsAll(List.of(topic, topic + "-2", ordered)));
  }

  /** Topics of the group that code 317 tells of. */
  private Set<String> consumed(boolean isOrder) throws Exception {
    Set<String> topics = new TreeSet<>();
    admin
        .fetchConsumeStatsInBroker(brokerAddress(), isOrder, 10_000)
        .getConsumeStatsList()
        .forEach(
            each ->
                each.getOrDefault(group, List.of())
                    .forEach(stats -> topics.addAll(topicsOf(stats))));
    return topics;
  }

  private static Set<String> topicsOf(ConsumeStats stats) {
    return stats.getOffsetTable().keySet().stream()
        .map(MessageQueue::getTopic)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void shouldRefuseATopicOfTheSystemAndPassOverOneThatIsNotThere() throws Exception {
    MQClientException refused =
        assertThrows(
            MQClientException.class,
            () ->
                admin.createAndUpdateTopicConfig(
                    brokerAddress(), new TopicConfig("SCHEDULE_TOPIC_XXXX", 3, 3)));
    assertEquals(ResponseCode.INVALID_PARAMETER, refused.getResponseCode());
    refused =
        assertThrows(
            MQClientException.class,
            () -> admin.deleteTopicInBroker(Set.of(brokerAddress()), "SCHEDULE_TOPIC_XXXX"));
    assertEquals(ResponseCode.INVALID_PARAMETER, refused.getResponseCode());
    admin.deleteTopicInBroker(Set.of(brokerAddress()), topic + "-none");
  }

  @Test
  void shouldSayWhatItsIndexDoesNotHave() throws Exception {
    if (!target.isSluice()) {
      return;
    }
    try (RawClient raw = new RawClient(target.brokerPort())) {
      ExtFields query =
          new ExtFields()
              .put("topic", topic)
              .put("key", "A")
              .put("maxNum", 64)
              .put("beginTimestamp", 0)
              .put("endTimestamp", Long.MAX_VALUE)
              .put("indexType", "T");
      Command byTag = raw.call(RawClient.json(12, 1, 0, query, new byte[0]));
      assertEquals(3, byTag.code);
      assertTrue(byTag.remark.contains("no tags"), byTag.remark);
      query =
          new ExtFields()
              .put("topic", topic)
              .put("key", "A")
              .put("maxNum", 64)
              .put("indexType", "K")
              .put("lastKey", "1@t@K@A@id@7");
      Command next = raw.call(RawClient.json(12, 2, 0, query, new byte[0]));
      assertEquals(3, next.code);
      assertTrue(next.remark.contains("endTimestamp"), next.remark);
    }
  }

  @Test
  void shouldServeMqadmin() throws Exception {
    producer.send(RocketMqClients.message(topic, "A", "m"));
    String names = target.nameServer();
    assertTrue(mqadmin("topicList", "-n", names).contains(topic));
    assertTrue(mqadmin("clusterList", "-n", names).contains(InteropTarget.BROKER));
    assertTrue(mqadmin("topicRoute", "-n", names, "-t", topic).contains(InteropTarget.BROKER));
    String status = mqadmin("topicStatus", "-n", names, "-t", topic);
    assertEquals(4, status.lines().filter(line -> line.startsWith(InteropTarget.BROKER)).count());
    assertTrue(
        mqadmin(
                "updateTopic",
                "-n",
                names,
                "-c",
                "DefaultCluster",
                "-t",
                topic + "2",
                "-r",
                "2",
                "-w",
                "2")
            .contains("success"));
    assertTrue(mqadmin("consumerProgress", "-n", names).contains("#Group"));
  }

  /** Code 222: what became of each queue. */
  private Map<Integer, Long> reset(long timeMs, int queueId, Long offset) throws Exception {
    Map<Integer, Long> offsets = new java.util.TreeMap<>();
    api()
        .invokeBrokerToResetOffset(brokerAddress(), topic, group, timeMs, queueId, offset, 10_000)
        .forEach((queue, to) -> offsets.put(queue.getQueueId(), to));
    return offsets;
  }

  private static MQClientAPIImpl api() {
    return producer.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl();
  }

  private TopicRouteData route() {
    try {
      return admin.examineTopicRouteInfo(topic);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String traces(String messageId) {
    try {
      return mqadmin("queryMsgTraceById", "-n", target.nameServer(), "-i", messageId);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static Set<String> groups() throws Exception {
    return admin
        .getAllSubscriptionGroup(brokerAddress(), 5_000)
        .getSubscriptionGroupTable()
        .keySet();
  }

  /** Where the group is in a queue; 0 also if it has no position. */
  private long position(int queueId) throws Exception {
    try {
      return admin
          .examineConsumeStats(group, topic)
          .getOffsetTable()
          .get(queue(queueId))
          .getConsumerOffset();
    } catch (MQClientException none) {
      return 0;
    }
  }

  private static MessageListenerConcurrently counter(AtomicInteger count) {
    return (messages, context) -> {
      count.addAndGet(messages.size());
      return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
    };
  }

  private long consumed() {
    try {
      return admin.examineConsumeStats(group, topic).getOffsetTable().entrySet().stream()
          .filter(entry -> entry.getKey().getTopic().equals(topic))
          .mapToLong(entry -> entry.getValue().getConsumerOffset())
          .sum();
    } catch (Exception notYet) {
      return -1;
    }
  }

  private int find(String key) {
    try {
      QueryResult found =
          producer.queryMessage(topic, key, 10, 0, System.currentTimeMillis() + 60_000);
      return found.getMessageList().size();
    } catch (Exception none) {
      return 0;
    }
  }

  private Map<Integer, TopicOffset> offsets() {
    try {
      Map<Integer, TopicOffset> offsets = new java.util.TreeMap<>();
      admin
          .examineTopicStats(topic)
          .getOffsetTable()
          .forEach((queue, offset) -> offsets.put(queue.getQueueId(), offset));
      return offsets;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static Set<String> topics() {
    try {
      return admin.fetchAllTopicList().getTopicList();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private MessageQueue queue(int queueId) {
    return new MessageQueue(topic, InteropTarget.BROKER, queueId);
  }

  private static String brokerAddress() throws Exception {
    return admin
        .examineBrokerClusterInfo()
        .getBrokerAddrTable()
        .get(InteropTarget.BROKER)
        .selectBrokerAddr();
  }

  /** Runs a command of mqadmin and takes what it prints. */
  private static String mqadmin(String... arguments) throws Exception {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      MQAdminStartup.main0(arguments, null);
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}
