package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.util.Clock;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** Codes 26 and 28: a Broker's configuration and state, as much as RocketMQ's tools read of it. */
final class BrokerInfoHandler implements RequestHandler {

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
    if (exchange.request().code == RequestCode.GET_BROKER_CONFIG) {
      configuration(exchange);
    } else {
      exchange.when(
          broker.<AdminRequest.BrokerInfo>admin(new AdminRequest.GetBroker()),
          info -> exchange.ok(RouteJson.table(runtime(info))));
    }
  }

  private void configuration(Exchange exchange) {
    Map<String, String> values = new TreeMap<>();
    values.put("autoCreateTopicEnable", String.valueOf(options.isAutoCreateTopics()));
    values.put("brokerClusterName", options.getClusterName());
    values.put("brokerIP1", options.getAdvertise());
    values.put("brokerId", "0");
    values.put("brokerName", options.getBrokerName());
    values.put("brokerPermission", "6");
    values.put("brokerRole", "ASYNC_MASTER");
    values.put("defaultTopicQueueNums", String.valueOf(options.getTemplateQueues()));
    values.put("enablePropertyFilter", "true");
    values.put("flushDiskType", flushType());
    values.put("listenPort", String.valueOf(port));
    values.put("maxMessageSize", String.valueOf(options.getMaxMessageBytes()));
    StringBuilder text = new StringBuilder();
    values.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    String version = "{\"counter\":0,\"stateVersion\":0,\"timestamp\":" + startedMs + "}";
    exchange.answer(
        ResponseCode.SUCCESS,
        null,
        new ExtFields(1).put("version", version),
        text.toString().getBytes(StandardCharsets.UTF_8));
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
  private Map<String, String> runtime(AdminRequest.BrokerInfo info) {
    Map<String, String> values = new TreeMap<>();
    long upMs = clock.nowMs() - startedMs;
    values.put("brokerVersionDesc", "V5_5_0");
    values.put("brokerVersion", String.valueOf(HeaderCodec.VERSION));
    values.put("brokerActive", String.valueOf(info.writable()));
    values.put("bootTimestamp", String.valueOf(startedMs));
    values.put("runtime", "[ " + upMs / 1000 + " seconds ]");
    for (String rate :
        new String[] {
          "putTps",
          "getTotalTps",
          "getFoundTps",
          "getMissTps",
          "getTransferredTps",
          "getTransferedTps"
        }) {
      values.put(rate, "0.0 0.0 0.0");
    }
    for (String pool : new String[] {"send", "pull", "query", "ack", "litePull"}) {
      values.put(pool + "ThreadPoolQueueSize", "0");
      values.put(pool + "ThreadPoolQueueCapacity", "10000");
      values.put(pool + "ThreadPoolQueueHeadWaitTimeMills", "0");
    }
    values.put("pageCacheLockTimeMills", "0");
    values.put("earliestMessageTimeStamp", "0");
    values.put("commitLogDiskRatio", "0.0");
    values.put("consumeQueueDiskRatio", "0.0");
    values.put("commitLogMinOffset", String.valueOf(info.minPhysicalOffset()));
    values.put("commitLogMaxOffset", String.valueOf(info.maxPhysicalOffset()));
    values.put("msgPutTotalTodayNow", String.valueOf(info.messagesIn()));
    values.put("msgGetTotalTodayNow", String.valueOf(info.messagesOut()));
    for (String total :
        new String[] {
          "msgPutTotalTodayMorning",
          "msgPutTotalYesterdayMorning",
          "msgGetTotalTodayMorning",
          "msgGetTotalYesterdayMorning",
          "dispatchBehindBytes",
          "startAcceptSendRequestTimeStamp",
          "timerReadBehind",
          "timerOffsetBehind",
          "timerCongestNum",
          "EndTransactionQueueSize"
        }) {
      values.put(total, "0");
    }
    values.put("timerEnqueueTps", "0.0");
    values.put("timerDequeueTps", "0.0");
    values.put("putMessageDistributeTime", "");
    values.put(
        "remainHowManyDataToFlush",
        String.valueOf(info.maxPhysicalOffset() - info.forcedPhysicalOffset()));
    return values;
  }
}
