package io.sluice.remoting;

import io.sluice.testkit.RealRocketMq;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Records what the official client sends to a real RocketMQ, and what that answers, for {@link
 * GoldenFramesTest}. To be run by hand, with the file to write; RocketMQ's jars have to be there
 * (scripts/fetch-rocketmq).
 *
 * <p>A line {@code > n} or {@code > b} is a frame to the NameServer or the Broker in hex; the line
 * {@code <} behind it has the frame of the answer, or {@code oneway}. A line {@code *} is a frame
 * that the Broker sent to a client by itself.
 */
public final class GoldenFrameRecorder implements RPCHook {

  private static final String TOPIC = "golden";

  /** In the year 2100, so that a time is the same in every run. */
  private static final long FAR_FUTURE_MS = 4_102_444_800_000L;

  /** What the clients never wait for. */
  private static final Set<Integer> ONEWAY =
      Set.of(RequestCode.END_TRANSACTION, RequestCode.UPDATE_CONSUMER_OFFSET);

  /** What the Broker sends to clients. */
  private static final Set<Integer> OF_THE_BROKER =
      Set.of(
          RequestCode.CHECK_TRANSACTION_STATE,
          RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
          RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT);

  /** What changes something is wanted each time, so that what is asked later is the same again. */
  private static final Set<Integer> WRITES =
      Set.of(
          RequestCode.SEND_MESSAGE,
          RequestCode.SEND_MESSAGE_V2,
          RequestCode.SEND_BATCH_MESSAGE,
          RequestCode.UPDATE_AND_CREATE_TOPIC,
          RequestCode.UPDATE_AND_CREATE_SUBSCRIPTION_GROUP);

  private final String nameServer;
  private final List<String> lines = new ArrayList<>();
  private final Set<String> known = new HashSet<>();

  private GoldenFrameRecorder(String nameServer) {
    this.nameServer = nameServer;
  }

  /** Records. */
  public static void main(String[] arguments) throws Exception {
    Path home = Files.createTempDirectory("golden");
    Map<String, String> keys =
        Map.of("transactionTimeOut", "1000", "transactionCheckInterval", "2000");
    try (RealRocketMq rocketMq = RealRocketMq.start(home, keys)) {
      GoldenFrameRecorder recorder = new GoldenFrameRecorder(rocketMq.nameServer());
      recorder.run();
      Files.write(Path.of(arguments[0]), recorder.lines);
    }
    System.exit(0);
  }

  @Override
  public synchronized void doBeforeRequest(String address, RemotingCommand request) {
    int code = request.getCode();
    if (OF_THE_BROKER.contains(code)) {
      if (known.add(code + "/broker")) {
        lines.add("# code " + code);
        lines.add("* " + hex(request));
      }
      return;
    }
    // All others are recorded with their answer.
    String type = request.getSerializeTypeCurrentRPC().name();
    if (ONEWAY.contains(code) && known.add(code + "/oneway" + type + fields(request))) {
      request.markOnewayRPC();
      record(address, request, "oneway");
    }
  }

  @Override
  public synchronized void doAfterResponse(
      String address, RemotingCommand request, RemotingCommand response) {
    if (response == null || OF_THE_BROKER.contains(request.getCode())) {
      return;
    }
    String type = request.getSerializeTypeCurrentRPC().name();
    if (!waited(response)
        && known.add(request.getCode() + "/" + response.getCode() + type + each(request))) {
      record(address, request, hex(response));
    }
  }

  /** Whether the Broker has let the client wait for as long as it wanted. */
  private static boolean waited(RemotingCommand response) {
    return response.getCode() == ResponseCode.PULL_NOT_FOUND
        || response.getCode() == ResponseCode.POLLING_TIMEOUT;
  }

  /** Of which requests more than the first with each answer is wanted. */
  private static String each(RemotingCommand request) {
    int code = request.getCode();
    if (code == RequestCode.HEART_BEAT) {
      return bodyText(request);
    }
    boolean left =
        code == RequestCode.UNREGISTER_CLIENT && fields(request).contains("consumerGroup");
    return left || WRITES.contains(code) ? String.valueOf(request.getOpaque()) : "";
  }

  private static String fields(RemotingCommand request) {
    request.makeCustomHeaderToNet();
    return String.valueOf(request.getExtFields());
  }

  private void record(String address, RemotingCommand request, String answer) {
    lines.add("# code " + request.getCode());
    lines.add("> " + (address.equals(nameServer) ? "n " : "b ") + hex(request));
    lines.add("< " + answer);
  }

  private static String hex(RemotingCommand command) {
    ByteBuffer frame = command.encode();
    byte[] bytes = new byte[frame.remaining()];
    frame.get(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /** Records clients that write their headers in RocketMQ's binary form. */
  private RPCHook binary() {
    return new RPCHook() {
      @Override
      public void doBeforeRequest(String address, RemotingCommand request) {
        if (!OF_THE_BROKER.contains(request.getCode())) {
          request.setSerializeTypeCurrentRPC(SerializeType.ROCKETMQ);
        }
        GoldenFrameRecorder.this.doBeforeRequest(address, request);
      }

      @Override
      public void doAfterResponse(
          String address, RemotingCommand request, RemotingCommand response) {
        GoldenFrameRecorder.this.doAfterResponse(address, request, response);
      }
    };
  }

  private void run() throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer("golden-producer", this);
    producer.setNamesrvAddr(nameServer);
    producer.start();
    Message message = message("first");
    message.setKeys("k1 k2");
    SendResult first = producer.send(message);
    producer.send(List.of(message("b1"), message("b2")));
    longHeaders(true);
    producer.send(message("long"));
    longHeaders(false);
    AtomicInteger seen = new AtomicInteger();
    DefaultMQPushConsumer concurrent = consumer("golden-concurrent");
    concurrent.registerMessageListener(counting(seen));
    concurrent.start();
    RocketMqClients.await(() -> "4 messages", () -> seen.get() == 4);
    DefaultMQPushConsumer orderly = consumer("golden-orderly");
    orderly.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              seen.addAndGet(messages.size());
              return ConsumeOrderlyStatus.SUCCESS;
            });
    orderly.start();
    RocketMqClients.await(() -> "8 messages", () -> seen.get() == 8);
    MessageQueue queue = new MessageQueue(TOPIC, "broker-a", 0);
    producer.maxOffset(queue);
    producer.minOffset(queue);
    producer.searchOffset(queue, FAR_FUTURE_MS);
    producer.earliestMsgStoreTime(queue);
    producer.viewMessage(TOPIC, first.getOffsetMsgId());
    members();
    concurrent.shutdown();
    orderly.shutdown();
    transactions();
    delays(producer);
    retries(producer);
    conditions(producer);
    requests(producer);
    litePull();
    pops(producer);
    binaryHeaders();
    producer.queryMessage(TOPIC, "k1", 32, 0, FAR_FUTURE_MS);
    producer.shutdown();
    administration();
  }

  private static MessageListenerConcurrently counting(AtomicInteger seen) {
    return (messages, context) -> {
      seen.addAndGet(messages.size());
      return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
    };
  }

  /** Whether sends have the header of the first version, for all clients of this process. */
  private static void longHeaders(boolean are) throws ReflectiveOperationException {
    Field smart = MQClientAPIImpl.class.getDeclaredField("sendSmartMsg");
    smart.setAccessible(true);
    smart.setBoolean(null, !are);
  }

  private void transactions() throws Exception {
    TransactionMQProducer producer = new TransactionMQProducer("golden-transactions", this);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName("golden-transactions");
    producer.setTransactionListener(
        new TransactionListener() {
          @Override
          public LocalTransactionState executeLocalTransaction(Message message, Object outcome) {
            return (LocalTransactionState) outcome;
          }

          @Override
          public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return LocalTransactionState.UNKNOW;
          }
        });
    producer.start();
    // A topic of its own: what is committed goes there at a place that is the recorded Broker's.
    producer.sendMessageInTransaction(
        new Message("golden-transactions", new byte[] {1}), LocalTransactionState.COMMIT_MESSAGE);
    producer.sendMessageInTransaction(
        new Message("golden-transactions", new byte[] {2}), LocalTransactionState.UNKNOW);
    RocketMqClients.await(() -> "a check", () -> knows(RequestCode.CHECK_TRANSACTION_STATE));
    producer.shutdown();
  }

  /** A second member, of which the first is told. */
  private void members() throws Exception {
    List<DefaultMQPushConsumer> both = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      DefaultMQPushConsumer consumer = consumer("golden-members");
      consumer.setInstanceName("golden-members" + i);
      consumer.registerMessageListener(
          (MessageListenerConcurrently)
              (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS);
      consumer.start();
      both.add(consumer);
    }
    RocketMqClients.await(() -> "a notice", () -> knows(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED));
    both.forEach(DefaultMQPushConsumer::shutdown);
  }

  private void binaryHeaders() throws Exception {
    RPCHook hook = binary();
    DefaultMQProducer producer = new DefaultMQProducer("golden-binary", hook);
    producer.setNamesrvAddr(nameServer);
    producer.setInstanceName("golden-binary");
    producer.start();
    producer.send(message("binary"));
    producer.maxOffset(new MessageQueue(TOPIC, "broker-a", 0));
    AtomicInteger seen = new AtomicInteger();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("golden-binary", hook);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName("golden-binary-push");
    consumer.subscribe(TOPIC, "*");
    consumer.registerMessageListener(counting(seen));
    consumer.start();
    RocketMqClients.await(() -> "messages", () -> seen.get() > 0);
    consumer.shutdown();
    producer.shutdown();
  }

  private void delays(DefaultMQProducer producer) throws Exception {
    Message delayed = message("delayed");
    delayed.setDelayTimeMs(60_000);
    producer.recallMessage(TOPIC, producer.send(delayed).getRecallHandle());
  }

  private void retries(DefaultMQProducer producer) throws Exception {
    AtomicInteger failed = new AtomicInteger();
    DefaultMQPushConsumer failing = consumer("golden-failing");
    failing.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    failing.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              failed.addAndGet(messages.size());
              return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            });
    failing.start();
    producer.send(message("fails"));
    RocketMqClients.await(() -> "a failure", () -> failed.get() > 0 && knows(36));
    failing.shutdown();
  }

  private void conditions(DefaultMQProducer producer) throws Exception {
    AtomicInteger seen = new AtomicInteger();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("golden-sql", this);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName("golden-sql");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(TOPIC, MessageSelector.bySql("price > 5"));
    consumer.registerMessageListener(counting(seen));
    consumer.start();
    Message dear = message("dear");
    dear.putUserProperty("price", "10");
    producer.send(dear);
    RocketMqClients.await(() -> "what is dear", () -> seen.get() > 0);
    consumer.shutdown();
  }

  private void requests(DefaultMQProducer producer) throws Exception {
    DefaultMQProducer replies = new DefaultMQProducer("golden-replies", this);
    replies.setNamesrvAddr(nameServer);
    replies.setInstanceName("golden-replies");
    replies.start();
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("golden-answers", this);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName("golden-answers");
    producer.createTopic("TBW102", "golden-asks", 1, Map.of());
    consumer.subscribe("golden-asks", "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              try {
                replies.send(MessageUtil.createReplyMessage(messages.get(0), new byte[] {1}));
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    producer.request(new Message("golden-asks", new byte[] {2}), 60_000);
    consumer.shutdown();
    replies.shutdown();
  }

  private void litePull() throws Exception {
    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer("golden-lite", this);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName("golden-lite");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(TOPIC, "*");
    consumer.start();
    RocketMqClients.await(() -> "a message", () -> !consumer.poll(500).isEmpty());
    consumer.commit();
    consumer.shutdown();
  }

  private void pops(DefaultMQProducer producer) throws Exception {
    DefaultMQAdminExt admin = admin();
    String broker =
        admin.examineBrokerClusterInfo().getBrokerAddrTable().get("broker-a").selectBrokerAddr();
    SubscriptionGroupConfig group = new SubscriptionGroupConfig();
    group.setGroupName("golden-pop");
    admin.createAndUpdateSubscriptionGroupConfig(broker, group);
    admin.setMessageRequestMode(broker, TOPIC, "golden-pop", MessageRequestMode.POP, 0, 5_000);
    AtomicInteger seen = new AtomicInteger();
    DefaultMQPushConsumer consumer = consumer("golden-pop");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setClientRebalance(false);
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              seen.addAndGet(messages.size());
              return seen.get() == 1
                  ? ConsumeConcurrentlyStatus.RECONSUME_LATER
                  : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
    for (int i = 0; i < 4; i++) {
      producer.send(message("popped"));
    }
    RocketMqClients.await(
        () -> "pops, acks and a change of the time, not " + known,
        () -> knows(200_050) && knows(200_051) && knows(200_053));
    consumer.shutdown();
    admin.shutdown();
  }

  /** What mqadmin and the dashboard ask, but for what the clients themselves are asked then. */
  private void administration() throws Exception {
    DefaultMQAdminExt admin = admin();
    String broker =
        admin.examineBrokerClusterInfo().getBrokerAddrTable().get("broker-a").selectBrokerAddr();
    admin.createAndUpdateTopicConfig(broker, new TopicConfig("golden-new", 2, 2));
    admin.examineTopicConfig(broker, "golden-new");
    admin.getAllTopicConfig(broker, 5_000);
    admin.fetchAllTopicList();
    admin.getTopicClusterList(TOPIC);
    admin.fetchTopicsByCLuster("DefaultCluster");
    admin.examineTopicStats(TOPIC);
    admin.queryTopicConsumeByWho(TOPIC);
    admin.queryTopicsByConsumer("golden-concurrent");
    admin.getAllSubscriptionGroup(broker, 5_000);
    admin.examineSubscriptionGroupConfig(broker, "golden-concurrent");
    admin.examineConsumeStats("golden-concurrent");
    admin.fetchConsumeStatsInBroker(broker, false, 5_000);
    admin.queryConsumeTimeSpan(TOPIC, "golden-concurrent");
    admin.fetchBrokerRuntimeStats(broker);
    admin.getBrokerConfig(broker);
    admin.getAllProducerInfo(broker);
    admin.queryConsumeQueue(broker, TOPIC, 0, 0, 5, null);
    admin.resetOffsetByTimestamp(TOPIC, "golden-orderly", 0, true);
    admin.deleteSubscriptionGroup(broker, "golden-orderly");
    admin.deleteTopicInBroker(Set.of(broker), "golden-new");
    admin.deleteTopicInNameServer(Set.of(nameServer), "golden-new");
    admin.createAndUpdateKvConfig("golden", "key", "value");
    admin.getKVConfig("golden", "key");
    admin.deleteKvConfig("golden", "key");
    admin.shutdown();
  }

  private DefaultMQAdminExt admin() throws Exception {
    DefaultMQAdminExt admin = new DefaultMQAdminExt(this, 10_000);
    admin.setNamesrvAddr(nameServer);
    admin.setInstanceName("golden-admin" + System.nanoTime());
    admin.start();
    return admin;
  }

  private synchronized boolean knows(int code) {
    return known.stream().anyMatch(each -> each.startsWith(code + "/"));
  }

  private DefaultMQPushConsumer consumer(String group) throws Exception {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, this);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(group);
    consumer.subscribe(TOPIC, "TagA || TagB");
    return consumer;
  }

  private static String bodyText(RemotingCommand request) {
    return new String(request.getBody(), StandardCharsets.UTF_8);
  }

  private static Message message(String body) {
    return new Message(TOPIC, "TagA", body.getBytes(StandardCharsets.UTF_8));
  }
}
