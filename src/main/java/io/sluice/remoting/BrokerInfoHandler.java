package io.sluice.remoting;

import static java.util.stream.Collectors.joining;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.ReplicationInfo;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.OperatorRequest.Totals;
import io.sluice.message.Names;
import io.sluice.util.ByteSizes;
import io.sluice.util.Clock;
import io.sluice.util.Durations;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Codes 25, 26, 28 and 305: a Broker's configuration and state, as much as RocketMQ's tools read of
 * it.
 */
final class BrokerInfoHandler implements RequestHandler {

  /** What RocketMQ's tools take for topics of the system; most are no topics here. */
  private static final List<String> RESERVED_TOPICS =
      List.of(
          Names.BENCHMARK_TOPIC,
          "OFFSET_MOVED_EVENT",
          "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
          "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
          Names.TRACE_TOPIC,
          "RMQ_SYS_TRANS_HALF_TOPIC",
          "RMQ_SYS_TRANS_OP_HALF_TOPIC",
          "SCHEDULE_TOPIC_XXXX",
          "SELF_TEST_TOPIC",
          "TBW102",
          "TRANS_CHECK_MAX_TIME_TOPIC",
          "rmq_sys_wheel_timer");

  private final BrokerLink broker;
  private final RemotingOptions options;
  private final int port;
  private final Clock clock;
  private final long startedMs;

  BrokerInfoHandler(BrokerLink broker, RemotingOptions options, int port, Clock clock) {
    this.clock = clock;
    this.broker = broker;
    this.options = options;
    this.port = port;
    startedMs = clock.nowMs();
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.GET_BROKER_CONFIG -> configuration(exchange);
      case RequestCode.UPDATE_BROKER_CONFIG ->
          exchange.when(
              replication(),
              replication -> PropertiesText.refuseChanges(exchange, configuration(replication)));
      case RequestCode.GET_SYSTEM_TOPICS_OF_BROKER ->
          exchange.ok(RouteJson.topicList(RESERVED_TOPICS));
      default -> runtime(exchange);
    }
  }

  private void runtime(Exchange exchange) {
    Future<BrokerInfo> info = broker.admin(new AdminRequest.GetBroker());
    Future<Totals> totals = broker.operator(new OperatorRequest.GetTotals());
    exchange.when(
        Future.all(info, totals),
        done -> exchange.ok(RouteJson.table(runtime(info.result(), totals.result()))));
  }

  private void configuration(Exchange exchange) {
    String version = "{\"counter\":0,\"stateVersion\":0,\"timestamp\":" + startedMs + "}";
    exchange.when(
        replication(),
        replication ->
            exchange.answer(
                ResponseCode.SUCCESS,
                null,
                new ExtFields(1).put("version", version),
                PropertiesText.write(configuration(replication))));
  }

  /** Who the Broker is among others of its name; a promotion may have changed it. */
  private Future<ReplicationInfo> replication() {
    return broker.admin(new AdminRequest.GetReplication());
  }

  private Map<String, String> configuration(ReplicationInfo replication) {
    Map<String, String> values = new TreeMap<>();
    values.put("autoCreateTopicEnable", String.valueOf(options.isAutoCreateTopics()));
    values.put("brokerClusterName", options.getClusterName());
    values.put("brokerIP1", options.getAdvertise());
    values.put("brokerId", String.valueOf(replication.brokerId()));
    values.put("brokerName", options.getBrokerName());
    values.put("brokerPermission", "6");
    values.put("brokerRole", role(replication));
    values.put("defaultTopicQueueNums", String.valueOf(options.getTemplateQueues()));
    values.put("enablePropertyFilter", "true");
    values.put("flushDiskType", flushType());
    values.put("listenPort", String.valueOf(port));
    values.put("maxMessageSize", String.valueOf(options.getMaxMessageBytes()));
    values.put(
        "messageDelayLevel",
        options.getDelayLevelsMs().stream().map(Durations::format).collect(joining(" ")));
    return values;
  }

  /**
   * In RocketMQ's words: a master that answers when slaves have the message is a synchronous one.
   */
  private String role(ReplicationInfo replication) {
    if (replication.brokerId() != 0) {
      return "SLAVE";
    }
    return options.getAck() == AckLevel.REPLICATED ? "SYNC_MASTER" : "ASYNC_MASTER";
  }

  private String flushType() {
    return switch (options.getAck()) {
      case MEMORY -> "ASYNC_FLUSH";
      case DISK, REPLICATED -> "SYNC_FLUSH";
    };
  }

  /**
   * The keys that mqadmin and the dashboard look up; they take a missing one for a broken broker.
   */
  private Map<String, String> runtime(BrokerInfo info, Totals totals) {
    Map<String, String> values = new TreeMap<>();
    long upMs = clock.nowMs() - startedMs;
    values.put("brokerVersionDesc", "V5_5_0");
    values.put("brokerVersion", String.valueOf(HeaderCodec.VERSION));
    values.put("brokerActive", String.valueOf(info.writable()));
    values.put("bootTimestamp", String.valueOf(startedMs));
    values.put("runtime", "[ " + upMs / 1000 + " seconds ]");
    String in = three(totals.in());
    String out = three(totals.out());
    values.put("putTps", in);
    values.put("getMissTps", "0.0 0.0 0.0");
    for (String rate :
        new String[] {"getTotalTps", "getFoundTps", "getTransferredTps", "getTransferedTps"}) {
      values.put(rate, out);
    }
    for (String pool : new String[] {"send", "pull", "query", "ack", "litePull"}) {
      values.put(pool + "ThreadPoolQueueSize", "0");
      values.put(pool + "ThreadPoolQueueCapacity", "10000");
      values.put(pool + "ThreadPoolQueueHeadWaitTimeMills", "0");
    }
    values.put("pageCacheLockTimeMills", "0");
    values.put("earliestMessageTimeStamp", String.valueOf(totals.oldestStoredMs()));
    values.put("commitLogDiskRatio", String.valueOf(totals.diskUsedRatio()));
    values.put("consumeQueueDiskRatio", String.valueOf(totals.diskUsedRatio()));
    values.put("commitLogDirCapacity", "Total : " + ByteSizes.format(totals.diskBytes()));
    values.put("commitLogMinOffset", String.valueOf(info.minPhysicalOffset()));
    values.put("commitLogMaxOffset", String.valueOf(info.maxPhysicalOffset()));
    values.put("msgPutTotalTodayNow", String.valueOf(info.messagesIn()));
    values.put("msgGetTotalTodayNow", String.valueOf(info.messagesOut()));
    values.put("msgPutTotalTodayMorning", String.valueOf(totals.inThisMorning()));
    values.put("msgPutTotalYesterdayMorning", String.valueOf(totals.inYesterdayMorning()));
    values.put("msgGetTotalTodayMorning", String.valueOf(totals.outThisMorning()));
    values.put("msgGetTotalYesterdayMorning", String.valueOf(totals.outYesterdayMorning()));
    for (String none :
        new String[] {
          "dispatchBehindBytes",
          "startAcceptSendRequestTimeStamp",
          "timerReadBehind",
          "timerOffsetBehind",
          "timerCongestNum",
          "EndTransactionQueueSize"
        }) {
      values.put(none, "0");
    }
    values.put("timerEnqueueTps", "0.0");
    values.put("timerDequeueTps", "0.0");
    values.put("putMessageDistributeTime", "");
    values.put(
        "remainHowManyDataToFlush",
        String.valueOf(info.maxPhysicalOffset() - info.forcedPhysicalOffset()));
    return values;
  }

  private static String three(List<Double> rates) {
    return rates.stream().map(String::valueOf).collect(joining(" "));
  }
}
