package io.sluice.gateway;

import io.sluice.bus.AdminRequest.GetReplication;
import io.sluice.bus.AdminRequest.Promote;
import io.sluice.bus.AdminRequest.ReplicationInfo;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.util.Durations;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.http.HttpHeaders;
import java.net.URI;
import java.time.Duration;

/** A Broker's replication. Static; each call is owned by its event loop. */
final class ReplicationHandlers {

  private ReplicationHandlers() {}

  /** GET /v1/brokers/{broker}. */
  static void get(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    call.query();
    Future<ReplicationInfo> info =
        call.loop.brokers.admin(call.pathParam("broker"), new GetReplication());
    call.await(info, found -> answer(call, found));
  }

  /** POST /v1/brokers/{broker}/promote. */
  static void promote(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    boolean force = call.query("force").flag("force");
    Future<ReplicationInfo> promoted =
        call.loop.brokers.admin(call.pathParam("broker"), new Promote(force));
    call.await(promoted, done -> answer(call, done));
  }

  /** POST /v1/drain: this server leaves; answered when it has begun. */
  static void drain(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    Query query = call.query("grace", "to");
    DrainOrder order =
        new DrainOrder(
            grace(query.get("grace")),
            serverOf(query.get("to")),
            call.request.headers().get(HttpHeaders.AUTHORIZATION));
    Promise<Void> begun = Promise.promise();
    call.loop
        .gateway
        .leave(order)
        .onComplete(done -> call.loop.context.runOnContext(here -> begun.handle(done)));
    call.await(begun.future(), done -> call.json(202, out -> out.raw("{\"status\":\"draining\"}")));
  }

  private static Duration grace(String text) {
    try {
      return text == null ? null : Duration.ofMillis(Durations.parseMs(text));
    } catch (IllegalArgumentException e) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, "grace: " + e.getMessage());
    }
  }

  private static URI serverOf(String text) {
    if (text == null) {
      return null;
    }
    try {
      URI server = URI.create(text);
      if (server.getHost() != null && String.valueOf(server.getScheme()).startsWith("http")) {
        return server;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "to: found '" + text + "', allowed is the HTTP address of the slave's server");
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
