package io.sluice.gateway;

import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.BrokerLine;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.vertx.core.Future;

/** A consumer of a group: leased messages, shared or in order. Owned by the socket's event loop. */
final class GroupSubscription extends Subscription implements BrokerLine.Asker<ReceiveReply> {

  private static final BrokerLine.Asker<SettleReply> SETTLED = (reply, failure) -> {};

  private final StartPosition start;

  GroupSubscription(Socket socket, SubscribeFields fields, String broker) {
    super(socket, fields, broker);
    start = fields.groupStart();
  }

  @Override
  void ask(int max, int maxBytes, long waitMs) {
    loop.brokers.receive(
        broker(),
        new ReceiveRequest(
            fields.group,
            fields.topic,
            max,
            maxBytes,
            waitMs,
            fields.invisibleMs,
            fields.filter,
            fields.mode == SubscribeFields.Mode.ORDERED,
            start,
            holder),
        this);
  }

  @Override
  String position() {
    return null;
  }

  @Override
  Future<Void> seek(Position.From to) {
    SetPosition request =
        to.position() == null
            ? new SetPosition(fields.group, fields.topic, to.start(), null, null)
            : new SetPosition(
                fields.group,
                fields.topic,
                null,
                to.position().queueIds(),
                to.position().queueOffsets());
    return GroupHandlers.setPosition(loop, request).mapEmpty();
  }

  @Override
  void release() {
    for (String broker : askedBrokers()) {
      loop.brokers.release(broker, new ReleaseRequest(holder));
    }
  }

  @Override
  boolean mayMove() {
    return true;
  }

  @Override
  boolean returnsCreditWhenWritten() {
    return fields.ackAuto;
  }

  /** With auto ack the messages are settled once the kernel has them. */
  @Override
  Runnable beforeWrite(MessageBlock block, long[] leases, int count) {
    if (!fields.ackAuto) {
      return null;
    }
    SettleRequest acks = new SettleRequest(fields.group);
    String broker = broker();
    MessageView view = loop.view;
    for (int i = 0; i < count; i++) {
      block.view(i, view);
      acks.ack(fields.topic, view.queueId(), view.queueOffset(), leases[i]);
    }
    return () -> {
      loop.counters.settled.add(acks.count());
      // A settle that is lost lets the lease end: the message comes again, as it may at any time.
      loop.brokers.settle(broker, acks, SETTLED);
    };
  }

  @Override
  public void answered(ReceiveReply reply, SluiceException failure) {
    if (failure != null) {
      failed(failure);
      return;
    }
    received(
        reply.messages(), reply.leases(), reply.attempts(), reply.drained(), reply.receivedNs());
  }
}
