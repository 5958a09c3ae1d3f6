package io.sluice.broker;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.FollowedInfo;
import io.sluice.bus.AdminRequest.GetReplication;
import io.sluice.bus.AdminRequest.Promote;
import io.sluice.bus.AdminRequest.ReplicationInfo;
import io.sluice.bus.AdminRequest.SlaveInfo;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.store.MessageStore;
import io.sluice.store.Replication;
import io.sluice.store.StoreException;
import io.vertx.core.Future;
import java.util.List;

/** Answers what is asked about a Broker's replication. Owned by the Broker's event loop. */
final class ReplicationAdmin {

  private final BrokerOptions options;
  private final MessageStore store;
  private final Replication replication;

  ReplicationAdmin(BrokerOptions options, MessageStore store, Replication replication) {
    this.options = options;
    this.store = store;
    this.replication = replication;
  }

  /** Takes a request if it is one of these; then it is answered once. */
  boolean tryHandle(AdminRequest request, Answer<BusMessage> answer) {
    if (request instanceof GetReplication) {
      answer.succeed(info(replication.status()));
    } else if (request instanceof Promote promote) {
      promote(promote, answer);
    } else {
      return false;
    }
    return true;
  }

  private ReplicationInfo info(Replication.Status status) {
    return new ReplicationInfo(
        options.getBrokerName(),
        options.getBrokerId(),
        status.role(),
        status.epoch(),
        Math.min(status.confirmedTo(), store.maxPhysicalOffset()),
        store.maxPhysicalOffset(),
        status.inSync(),
        status.detail(),
        replication.slaves().stream().map(ReplicationAdmin::info).toList(),
        info(replication.upstream()));
  }

  private static SlaveInfo info(Replication.Slave slave) {
    return new SlaveInfo(
        slave.brokerId(),
        slave.address(),
        slave.receivedTo(),
        slave.sentTo(),
        slave.inSync(),
        slave.bytesPerSecond());
  }

  private static FollowedInfo info(Replication.Upstream followed) {
    return followed == null
        ? null
        : new FollowedInfo(
            followed.address(),
            followed.lastReadMs(),
            followed.lastWriteMs(),
            followed.bytesPerSecond());
  }

  private void promote(Promote promote, Answer<BusMessage> answer) {
    // This Broker is closed meanwhile; the answer is that of the one that is started then.
    long end = store.maxPhysicalOffset();
    Future.fromCompletionStage(replication.promote(promote.force()))
        .onComplete(
            done -> {
              if (done.succeeded()) {
                answer.succeed(
                    new ReplicationInfo(
                        options.getBrokerName(),
                        0,
                        "master",
                        replication.status().epoch() + 1,
                        end,
                        end,
                        0,
                        "promoted",
                        List.of(),
                        null));
              } else if (done.cause() instanceof StoreException refused) {
                answer.fail(Refusals.of(refused));
              } else {
                answer.fail(
                    new SluiceException(
                        ErrorCode.INTERNAL, "the promotion failed: " + done.cause()));
              }
            });
  }
}
