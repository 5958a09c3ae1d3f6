package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.Positions;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.StartPosition;

/**
 * Code 222: sets a group's position by time or offset. As with RocketMQ's server-side reset, live
 * clients are told by their next pull.
 */
final class ResetOffsetHandler implements RequestHandler {

  /** As RocketMQ's tools say that the time counts. */
  private static final long NO_OFFSET = -1;

  private final BrokerLink broker;

  ResetOffsetHandler(BrokerLink broker) {
    this.broker = broker;
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String topic = fields.required("topic");
    String group = fields.required("group");
    SetPosition request = request(fields, group, topic);
    // A position of a group that is not there would make it; RocketMQ answers 26.
    exchange.when(
        broker
            .<GroupConfig>admin(new AdminRequest.GetGroup(group))
            .compose(known -> broker.<Positions>admin(request)),
        positions -> exchange.ok(body(topic, positions)));
  }

  private static SetPosition request(ExtFields fields, String group, String topic) {
    int queueId = fields.integer("queueId", -1);
    int[] queueIds = queueId < 0 ? null : new int[] {queueId};
    long offset = fields.number("offset", NO_OFFSET);
    if (queueIds != null && offset != NO_OFFSET) {
      return new SetPosition(group, topic, null, queueIds, new long[] {offset});
    }
    long timeMs = fields.requiredLong("timestamp");
    StartPosition to = timeMs < 0 ? StartPosition.LATEST : StartPosition.time(timeMs);
    return new SetPosition(group, topic, to, queueIds, null);
  }

  private byte[] body(String topic, Positions positions) {
    JsonWriter out = new JsonWriter().open('{').name("offsetTable").open('{');
    for (int i = 0; i < positions.queueIds().length; i++) {
      AdminJson.queue(out, broker.brokerName(), topic, positions.queueIds()[i]);
      out.endKey().value(positions.queueOffsets()[i]);
    }
    return out.close('}').close('}').toByteArray();
  }
}
