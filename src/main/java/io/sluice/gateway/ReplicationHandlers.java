package io.sluice.gateway;

import io.sluice.bus.AdminRequest.GetReplication;
import io.sluice.bus.AdminRequest.Promote;
import io.sluice.bus.AdminRequest.ReplicationInfo;
import io.vertx.core.Future;

/** A Broker's replication. Static; each call is owned by its event loop. */
final class ReplicationHandlers {

  private ReplicationHandlers() {}

  /** GET /v1/brokers/{broker}. */
  static void get(Call call) {
    SluiceHeaders.readPlain(call.request.headers(), false);
    call.query();
    Future<ReplicationInfo> info =
        call.loop.brokers.admin(call.pathParam("broker"), new GetReplication());
    call.await(info, found -> answer(call, found));
  }

  /** POST /v1/brokers/{broker}/promote. */
  static void promote(Call call) {
    SluiceHeaders.readPlain(call.request.headers(), false);
    boolean force = call.query("force").flag("force");
    Future<ReplicationInfo> promoted =
        call.loop.brokers.admin(call.pathParam("broker"), new Promote(force));
    call.await(promoted, done -> answer(call, done));
  }

  private static void answer(Call call, ReplicationInfo info) {
    call.json(
        200,
        out -> {
          out.raw("{\"broker\":").string(info.brokerName());
          out.raw(",\"brokerId\":").number(info.brokerId());
          out.raw(",\"role\":").string(info.role());
          out.raw(",\"epoch\":").number(info.epoch());
          out.raw(",\"confirmedOffset\":").number(info.confirmedOffset());
          out.raw(",\"maxPhysicalOffset\":").number(info.maxPhysicalOffset());
          out.raw(",\"inSync\":").number(info.inSync());
          out.raw(",\"detail\":").string(info.detail()).raw('}');
        });
  }
}
