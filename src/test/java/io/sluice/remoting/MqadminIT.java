package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.header.UpdateConsumerOffsetRequestHeader;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands of mqadmin 5.5.0, unmodified, and what they print; the expectations hold against
 * RocketMQ itself too. Left out are those that end the process they run in, or never end.
 */
class MqadminIT {

  private static final String TOPIC = "mqadmin-topic";
  private static final String GROUP = "mqadmin-group";

  @TempDir static Path directory;

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQPushConsumer consumer;
  private static SendResult sent;
  private static String broker;

  @BeforeAll
  static void startTarget() throws Exception {
    target = new InteropTarget();
    clients = new RocketMqClients(target.nameServer());
    DefaultMQProducer producer = clients.producer("mqadmin-producer");
    for (int i = 0; i < 8; i++) {
      Message message = RocketMqClients.message(TOPIC, "TagA", "body" + i);
      message.setKeys("key" + i);
      sent = producer.send(message);
    }
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
    broker = brokerAddress();
  }

  @AfterAll
  static void stopTarget() throws Exception {
    clients.close();
    target.close();
  }

  private static String brokerAddress() throws Exception {
    String line =
        run("clusterList").lines().filter(text -> text.contains("broker-a")).findFirst().orElse("");
    return line.trim().split(" +")[3];
  }

  @Test
  void shouldDescribeClusterAndBroker() throws Exception {
    prints(List.of("broker-a", "V5_5_0"), "clusterList");
    prints(List.of("#InTotalToday", "broker-a"), "clusterList", "-m");
    prints(
        List.of("brokerVersionDesc", "V5_5_0", "putTps", "earliestMessageTimeStamp"),
        "brokerStatus",
        "-b",
        broker);
    prints(List.of("brokerName", "broker-a"), "getBrokerConfig", "-b", broker);
    prints(List.of(GROUP, TOPIC, "Diff Total: 0"), "brokerConsumeStats", "-b", broker);
    prints(List.of("#SlaveNum\t0"), "haStatus", "-b", broker);
    prints(List.of("mqadmin-producer"), "producer", "-b", broker);
    prints(List.of("success"), "cleanExpiredCQ", "-b", broker);
    prints(List.of("success"), "cleanUnusedTopic", "-b", broker);
    prints(List.of("success"), "deleteExpiredCommitLog", "-b", broker);
  }

  @Test
  void shouldAdministerTopics() throws Exception {
    prints(List.of(TOPIC), "topicList");
    prints(List.of("DefaultCluster", TOPIC, GROUP), "topicList", "-c");
    prints(List.of("\"writeQueueNums\":4"), "topicRoute", "-t", TOPIC);
    prints(List.of("DefaultCluster"), "topicClusterList", "-t", TOPIC);
    String status = prints(List.of("Topic Put TPS"), "topicStatus", "-t", TOPIC);
    assertTrue(status.lines().filter(line -> line.startsWith("broker-a")).count() == 4, status);
    String year = String.valueOf(java.time.LocalDate.now().getYear());
    assertTrue(status.contains(year), status);
    prints(List.of("10.0.0.1"), "allocateMQ", "-t", TOPIC, "-i", "10.0.0.1");
    prints(
        List.of("success"),
        "updateTopic",
        "-b",
        broker,
        "-t",
        "mqa-1",
        "-r",
        "2",
        "-w",
        "2",
        "-p",
        "6");
    prints(
        List.of("success", "+message.type=FIFO"),
        "updateTopic",
        "-b",
        broker,
        "-t",
        "mqa-2",
        "-a",
        "+message.type=FIFO");
    prints(List.of("from 6 to 4"), "updateTopicPerm", "-b", broker, "-t", "mqa-1", "-p", "4");
    Path list = directory.resolve("topics.json");
    Files.writeString(
        list, "[{\"topicName\":\"mqa-3\",\"readQueueNums\":2,\"writeQueueNums\":2,\"perm\":6}]");
    prints(List.of("success"), "updateTopicList", "-b", broker, "-f", list.toString());
    prints(List.of("mqa-3"), "topicList");
    prints(
        List.of("orderConf=[broker-a:2]"),
        "updateOrderConf",
        "-t",
        "mqa-1",
        "-m",
        "put",
        "-v",
        "broker-a:2");
    prints(List.of("broker-a:2"), "updateOrderConf", "-t", "mqa-1", "-m", "get");
    prints(List.of("success"), "updateOrderConf", "-t", "mqa-1", "-m", "delete");
    prints(
        List.of("from NameServer success"), "deleteTopic", "-c", "DefaultCluster", "-t", "mqa-3");
  }

  @Test
  void shouldAdministerGroups() throws Exception {
    prints(
        List.of("success"),
        "updateSubGroup",
        "-b",
        broker,
        "-g",
        "mqa-g1",
        "-s",
        "false",
        "-r",
        "5",
        "-q",
        "2");
    String config = prints(List.of("mqa-g1"), "getConsumerConfig", "-g", "mqa-g1");
    assertTrue(config.matches("(?s).*consumeEnable +=  false.*"), config);
    assertTrue(config.matches("(?s).*retryQueueNums +=  2.*"), config);
    assertTrue(config.matches("(?s).*retryMaxTimes +=  5.*"), config);
    Path list = directory.resolve("groups.json");
    Files.writeString(list, "[{\"groupName\":\"mqa-g2\",\"retryMaxTimes\":3}]");
    prints(List.of("success"), "updateSubGroupList", "-b", broker, "-f", list.toString());
    prints(List.of("mqa-g2"), "getConsumerConfig", "-g", "mqa-g2");
    prints(List.of("success"), "deleteSubGroup", "-b", broker, "-g", "mqa-g2");
    prints(List.of(GROUP, "PUSH", "CLUSTERING"), "consumerProgress");
    prints(List.of(TOPIC, "Consume Diff Total: 0"), "consumerProgress", "-g", GROUP);
    prints(List.of("CONSUME_PASSIVELY", TOPIC), "consumerConnection", "-g", GROUP);
    prints(List.of("JAVA"), "producerConnection", "-g", "mqadmin-producer", "-t", TOPIC);
  }

  @Test
  void shouldFindAndShowMessages() throws Exception {
    prints(List.of(sent.getMsgId()), "queryMsgById", "-t", TOPIC, "-i", sent.getOffsetMsgId());
    prints(
        List.of("CommitLog Offset", TOPIC),
        "queryMsgByUniqueKey",
        "-t",
        TOPIC,
        "-i",
        sent.getMsgId());
    prints(List.of("#QID"), "queryMsgByKey", "-t", TOPIC, "-k", "key3");
    prints(
        List.of("OffsetID"),
        "queryMsgByOffset",
        "-t",
        TOPIC,
        "-b",
        "broker-a",
        "-i",
        "0",
        "-o",
        "0");
    prints(List.of("body"), "printMsg", "-t", TOPIC);
    prints(
        List.of("body"), "printMsgByQueue", "-t", TOPIC, "-a", "broker-a", "-i", "0", "-p", "true");
    prints(List.of("SEND_OK"), "sendMessage", "-t", "mqa-4", "-p", "hello");
    prints(List.of("ConsumeQueueData"), "queryCq", "-t", TOPIC, "-q", "0", "-i", "0", "-b", broker);
  }

  @Test
  void shouldMovePositions() throws Exception {
    prints(List.of("CODE: 26"), "resetOffsetByTime", "-g", "mqa-none", "-t", TOPIC, "-s", "0");
    prints(List.of("success"), "updateSubGroup", "-b", broker, "-g", "mqa-g3");
    prints(
        List.of("#offset", "broker-a"),
        "resetOffsetByTime",
        "-g",
        "mqa-g3",
        "-t",
        TOPIC,
        "-s",
        "0",
        "-f",
        "true");
    // Not the one that was reset: RocketMQ tells its own offsets of a reset before all others.
    prints(List.of("success"), "updateSubGroup", "-b", broker, "-g", "mqa-g4");
    prints(List.of("success"), "cloneGroupOffset", "-s", GROUP, "-d", "mqa-g4", "-t", TOPIC);
    prints(List.of("Consume Diff Total: 0"), "consumerProgress", "-g", "mqa-g4", "-t", TOPIC);
    prints(
        List.of("#offset", "broker-a"),
        "skipAccumulatedMessage",
        "-g",
        "mqa-g3",
        "-t",
        TOPIC,
        "-f",
        "true");
  }

  @Test
  void shouldPrintTheNumbersOfWhatWasSentAndConsumed() throws Exception {
    DefaultMQProducer producer = clients.producer("mqadmin-numbers");
    producer.createTopic("TBW102", "mqa-numbers", 4, Map.of());
    prints(List.of("success"), "updateSubGroup", "-b", broker, "-g", "mqa-g6");
    // A consumer makes it when it starts.
    producer.createTopic("TBW102", "%RETRY%mqa-g6", 1, Map.of());
    for (int queueId = 0; queueId < 4; queueId++) {
      for (int i = 0; i < 2 * queueId + 1; i++) {
        producer.send(
            RocketMqClients.message("mqa-numbers", "A", "body"),
            new MessageQueue("mqa-numbers", InteropTarget.BROKER, queueId));
      }
      producer
          .getDefaultMQProducerImpl()
          .getMqClientFactory()
          .getMQClientAPIImpl()
          .updateConsumerOffset(broker, position(queueId), 5_000);
    }
    String status = run("topicStatus", "-t", "mqa-numbers");
    assertEquals(
        List.of("broker-a 0 0 1", "broker-a 1 0 3", "broker-a 2 0 5", "broker-a 3 0 7"),
        rows(status, "broker-a ", 4),
        status);
    String progress = run("consumerProgress", "-g", "mqa-g6");
    assertEquals(
        List.of("0 1 0 1", "1 3 1 2", "2 5 2 3", "3 7 3 4").stream()
            .map(numbers -> "mqa-numbers broker-a " + numbers)
            .toList(),
        rows(progress, "mqa-numbers ", 6),
        progress);
    assertTrue(progress.contains("Consume Diff Total: 10"), progress);
    String all = run("consumerProgress");
    assertEquals(List.of("mqa-g6 0 OFFLINE 0 10"), rows(all, "mqa-g6 ", 5), all);
  }

  /** The first columns of the lines that begin so, parted by one blank. */
  private static List<String> rows(String printed, String begin, int columns) {
    return printed
        .lines()
        .filter(line -> line.startsWith(begin))
        .map(line -> String.join(" ", List.of(line.split(" +")).subList(0, columns)))
        .toList();
  }

  /** A group has consumed as many messages of a queue as the queue's number says. */
  private static UpdateConsumerOffsetRequestHeader position(int queueId) {
    UpdateConsumerOffsetRequestHeader header = new UpdateConsumerOffsetRequestHeader();
    header.setConsumerGroup("mqa-g6");
    header.setTopic("mqa-numbers");
    header.setQueueId(queueId);
    header.setCommitOffset((long) queueId);
    return header;
  }

  @Test
  void shouldCountRates() throws Exception {
    prints(List.of("#Topic", TOPIC, GROUP), "statsAll", "-t", TOPIC);
  }

  @Test
  void shouldAdministerTheNameServer() throws Exception {
    prints(List.of("success"), "updateKvConfig", "-s", "ns", "-k", "k", "-v", "v");
    prints(List.of("success"), "deleteKvConfig", "-s", "ns", "-k", "k");
    prints(List.of("wipe write perm"), "wipeWritePerm", "-b", "broker-a");
    prints(List.of("\"perm\":4"), "topicRoute", "-t", TOPIC);
    prints(List.of("add write perm"), "addWritePerm", "-b", "broker-a");
    prints(List.of("\"perm\":6"), "topicRoute", "-t", TOPIC);
    prints(List.of("listenPort"), "getNamesrvConfig");
    prints(
        List.of("success"),
        "exportMetadata",
        "-c",
        "DefaultCluster",
        "-t",
        "-f",
        directory.toString());
  }

  @Test
  void shouldSayWhatIsNotThere() throws Exception {
    if (!target.isSluice()) {
      return;
    }
    prints(
        List.of("CODE: 3", "can not be changed while the server runs"),
        "updateBrokerConfig",
        "-b",
        broker,
        "-k",
        "flushDiskType",
        "-v",
        "SYNC_FLUSH");
    for (String command :
        List.of(
            "listUser -b BROKER",
            "getUser -b BROKER -u u",
            "createUser -b BROKER -u u -p p",
            "updateUser -b BROKER -u u -p p",
            "deleteUser -b BROKER -u u",
            "listAcl -b BROKER",
            "getAcl -b BROKER -s User:u",
            "createAcl -b BROKER -s User:u -r Topic:t -a Pub -d Allow",
            "updateAcl -b BROKER -s User:u -r Topic:t -a Pub -d Allow",
            "deleteAcl -b BROKER -s User:u",
            "getColdDataFlowCtrInfo -b BROKER",
            "updateColdDataFlowCtrGroupConfig -b BROKER -g g -v 1",
            "removeColdDataFlowCtrGroupConfig -b BROKER -g g",
            "setCommitLogReadAheadMode -b BROKER -m 1",
            "getBrokerLiteInfo -b BROKER",
            "getBrokerEpoch -b broker-a",
            "switchTimerEngine -b BROKER -e F",
            "resetMasterFlushOffset -b BROKER -o 0",
            "exportPopRecord -b BROKER",
            "checkRocksdbCqWriteProgress -c DefaultCluster -n NAMES")) {
      String[] words =
          command.replace("BROKER", broker).replace("NAMES", target.nameServer()).split(" ");
      prints(List.of("not supported by the broker of Sluice"), words);
    }
  }

  @Test
  void shouldMeasureAndTrace() throws Exception {
    prints(List.of("SEND_OK"), "sendMsgStatus", "-b", "broker-a", "-c", "2");
    prints(List.of("true"), "checkMsgSendRT", "-t", TOPIC, "-a", "2", "-s", "16");
    prints(List.of("MSGID"), "consumeMessage", "-t", TOPIC, "-b", "broker-a", "-i", "0", "-c", "1");
    prints(
        List.of(GROUP),
        "consumerStatus",
        "-g",
        GROUP,
        "-i",
        consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId());
    prints(List.of("success"), "updateSubGroup", "-b", broker, "-g", "mqa-g5");
    prints(
        List.of("success"),
        "setConsumeMode",
        "-b",
        broker,
        "-t",
        TOPIC,
        "-g",
        "mqa-g5",
        "-m",
        "POP");
    prints(List.of("success"), "exportConfigs", "-c", "DefaultCluster", "-f", directory.toString());
    prints(List.of("success"), "exportMetrics", "-c", "DefaultCluster", "-f", directory.toString());
  }

  private static String prints(List<String> parts, String... command) throws Exception {
    String printed = run(command);
    for (String part : parts) {
      assertTrue(
          printed.contains(part),
          () -> String.join(" ", command) + " did not print " + part + ":\n" + printed);
    }
    return printed;
  }

  private static String run(String... command) throws Exception {
    return runAt(target.nameServer(), command);
  }

  /** Runs a command and takes what it prints. */
  static synchronized String runAt(String nameServer, String... command) throws Exception {
    List<String> arguments = new ArrayList<>(Arrays.asList(command));
    arguments.addAll(List.of("-n", nameServer));
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(printed, true, StandardCharsets.UTF_8);
    System.setOut(stream);
    System.setErr(stream);
    try {
      MQAdminStartup.main0(arguments.toArray(new String[0]), null);
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}
