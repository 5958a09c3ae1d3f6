package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.ReplicationInfo;
import io.sluice.bus.AdminRequest.SlaveInfo;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.OperatorRequest;
import io.sluice.bus.OperatorRequest.ProducersByGroup;
import io.sluice.bus.OperatorRequest.QueueEntries;
import io.sluice.bus.OperatorRequest.Rate;
import io.sluice.bus.OperatorRequest.Rates;
import io.sluice.bus.OperatorRequest.Totals;
import io.sluice.util.Clock;
import java.util.TreeMap;

/** Codes 315, 321, 328 and 907: rates, producers, a look into a queue, master and slaves. */
final class BrokerStatsHandler implements RequestHandler {

  private static final String TOPIC_PUT = "TOPIC_PUT_NUMS";
  private static final String GROUP_GET = "GROUP_GET_NUMS";
  private static final String BROKER_PUT = "BROKER_PUT_NUMS";
  private static final String BROKER_GET = "BROKER_GET_NUMS";

  /** As a slave of RocketMQ says it that was not told how much its master has forced. */
  private static final long UNKNOWN_OFFSET = -1;

  private final BrokerLink broker;
  private final Clock clock;

  BrokerStatsHandler(BrokerLink broker, Clock clock) {
    this.broker = broker;
    this.clock = clock;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.VIEW_BROKER_STATS_DATA -> rates(exchange);
      case RequestCode.QUERY_CONSUME_QUEUE -> entries(exchange);
      case RequestCode.GET_ALL_PRODUCER_INFO -> producers(exchange);
      default -> replicas(exchange);
    }
  }

  /** A key without counts is answered 1, as RocketMQ has it: tools take that for nothing. */
  private void rates(Exchange exchange) {
    String name = exchange.fields().required("statsName");
    String key = exchange.fields().required("statsKey");
    int at = key.lastIndexOf('@');
    switch (name) {
      case TOPIC_PUT -> rates(exchange, new OperatorRequest.GetTopicRates(key));
      case GROUP_GET ->
          rates(
              exchange,
              at < 0
                  ? new OperatorRequest.GetGroupRates(key, null)
                  : new OperatorRequest.GetGroupRates(key.substring(at + 1), key.substring(0, at)));
      case BROKER_PUT, BROKER_GET ->
          exchange.when(
              broker.<Totals>operator(new OperatorRequest.GetTotals()),
              totals -> {
                double perSecond = (name.equals(BROKER_PUT) ? totals.in() : totals.out()).get(1);
                Rate minute = new Rate(Math.round(perSecond * 60), perSecond);
                exchange.ok(json(new Rates(minute, minute, minute)));
              });
      default ->
          exchange.fail(
              ResponseCode.SYSTEM_ERROR,
              "Sluice does not count "
                  + name
                  + "; it counts "
                  + TOPIC_PUT
                  + ", "
                  + GROUP_GET
                  + ", "
                  + BROKER_PUT
                  + " and "
                  + BROKER_GET);
    }
  }

  private void rates(Exchange exchange, OperatorRequest request) {
    broker
        .<Rates>operator(request)
        .onSuccess(rates -> exchange.ok(json(rates)))
        .onFailure(failure -> exchange.fail(ResponseCode.SYSTEM_ERROR, failure.getMessage()));
  }

  private static byte[] json(Rates rates) {
    JsonWriter out = new JsonWriter().open('{');
    rate(out.name("statsDay"), rates.day());
    rate(out.name("statsHour"), rates.hour());
    rate(out.name("statsMinute"), rates.minute());
    return out.close('}').toByteArray();
  }

  private static void rate(JsonWriter out, Rate rate) {
    out.open('{')
        .field("avgpt", rate.count() == 0 ? 0.0 : 1.0)
        .field("sum", rate.count())
        .field("tps", rate.perSecond())
        .close('}');
  }

  private void entries(Exchange exchange) {
    ExtFields fields = exchange.fields();
    exchange.when(
        broker.<QueueEntries>operator(
            new OperatorRequest.GetQueueEntries(
                fields.required("topic"),
                fields.requiredInt("queueId"),
                fields.requiredLong("index"),
                fields.requiredInt("count"))),
        entries -> exchange.ok(json(entries)));
  }

  private static byte[] json(QueueEntries entries) {
    JsonWriter out =
        new JsonWriter()
            .open('{')
            .field("maxQueueIndex", entries.maxOffset())
            .field("minQueueIndex", entries.minOffset())
            .name("queueData")
            .open('[');
    for (int i = 0; i < entries.physicalOffsets().length; i++) {
      out.open('{')
          .field("eval", false)
          .field("physicOffset", entries.physicalOffsets()[i])
          .field("physicSize", entries.recordBytes()[i])
          .field("tagsCode", entries.tagsCodes()[i])
          .close('}');
    }
    return out.close(']').close('}').toByteArray();
  }

  private void producers(Exchange exchange) {
    exchange.when(
        broker.<ProducersByGroup>operator(new OperatorRequest.GetAllProducers()),
        all -> {
          JsonWriter out = new JsonWriter().open('{').name("data").open('{');
          long nowMs = clock.nowMs();
          new TreeMap<>(all.producers())
              .forEach(
                  (group, members) -> {
                    out.name(group).open('[');
                    members.forEach(member -> producer(out, member, nowMs));
                    out.close(']');
                  });
          exchange.ok(out.close('}').close('}').toByteArray());
        });
  }

  /** The Broker forgets who is silent, so each was heard lately. */
  private static void producer(JsonWriter out, Member member, long nowMs) {
    out.open('{')
        .field("clientId", member.clientId())
        .field("language", member.language())
        .field("lastUpdateTimestamp", nowMs)
        .field("remoteIP", member.address())
        .field("version", member.version())
        .close('}');
  }

  /**
   * HARuntimeInfo.
   *
   * <p>Source: Apache RocketMQ 5.5.0, DefaultHAService (getRuntimeInfo). There a slave is known by
   * the port that it dialled from; here by the address that its clients dial.
   */
  private void replicas(Exchange exchange) {
    exchange.when(
        broker.<ReplicationInfo>admin(new AdminRequest.GetReplication()),
        info -> exchange.ok(json(info)));
  }

  private static byte[] json(ReplicationInfo info) {
    boolean master = info.brokerId() == 0;
    JsonWriter out = new JsonWriter().open('{').name("haClientRuntimeInfo").open('{');
    if (info.followed() != null) {
      out.field("lastReadTimestamp", info.followed().lastReadMs())
          .field("lastWriteTimestamp", info.followed().lastWriteMs())
          .field("masterAddr", info.followed().address())
          .field("masterFlushOffset", UNKNOWN_OFFSET)
          .field("maxOffset", info.maxPhysicalOffset())
          .field("transferredByteInSecond", info.followed().bytesPerSecond());
    }
    out.close('}').name("haConnectionInfo").open('[');
    for (SlaveInfo slave : info.slaves()) {
      out.open('{')
          .field("addr", slave.address())
          .field("diff", info.maxPhysicalOffset() - slave.receivedTo())
          .field("inSync", slave.inSync())
          .field("slaveAckOffset", slave.receivedTo())
          .field("transferFromWhere", slave.sentTo())
          .field("transferredByteInSecond", slave.bytesPerSecond())
          .close('}');
    }
    return out.close(']')
        .field("inSyncSlaveNums", master ? info.inSync() : 0)
        .field("master", master)
        .field("masterCommitLogMaxOffset", master ? info.maxPhysicalOffset() : 0)
        .close('}')
        .toByteArray();
  }
}
