package io.sluice.gateway;

import io.sluice.bus.Addresses;
import io.sluice.bus.ClientKept;
import io.sluice.bus.Done;
import io.sluice.bus.FrontNotice;
import io.sluice.bus.FrontNotice.CheckTransaction;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The sockets of one event loop that can be asked how transactions ended. To the Brokers they are
 * producers as RocketMQ's are: they say every {@link #BEAT_MS} that they live, and of which groups
 * they are. Owned by the event loop.
 */
final class Checkbacks {

  /** RocketMQ clients' {@code heartbeatBrokerInterval}. */
  private static final long BEAT_MS = 30_000;

  private final Loop loop;
  private final String frontId;
  private final Map<String, SocketTransactions> sockets = new HashMap<>();
  private boolean listens;
  private long lastBeatMs;
  private int count;

  Checkbacks(Loop loop) {
    this.loop = loop;
    frontId = "gateway-" + loop.ids.next();
    lastBeatMs = loop.clock.nowMs();
  }

  /** Adds a socket; the name it has to the Brokers. */
  String add(SocketTransactions socket) {
    if (!listens) {
      listens = true;
      loop.vertx
          .eventBus()
          .<FrontNotice>consumer(Addresses.front(frontId), message -> hear(message.body()));
    }
    String holder = frontId + ":" + count++;
    sockets.put(holder, socket);
    return holder;
  }

  /** A socket is gone. */
  void remove(String holder) {
    sockets.remove(holder);
    // Should this be lost, the Broker forgets the socket after 120 s without a heartbeat.
    loop.masters()
        .onSuccess(
            masters ->
                masters.forEach(
                    master ->
                        loop.brokers.<Done>clients(master, new ClientKept.Disconnect(holder))));
  }

  /** Tells every Broker of a socket; completes when they know it. */
  Future<Void> tell(String holder) {
    return loop.masters().compose(masters -> tell(holder, masters));
  }

  /** Tells of all sockets when it is time to. */
  void tick(long nowMs) {
    if (nowMs - lastBeatMs < BEAT_MS || sockets.isEmpty()) {
      return;
    }
    lastBeatMs = nowMs;
    loop.masters()
        .onSuccess(
            masters -> List.copyOf(sockets.keySet()).forEach(holder -> tell(holder, masters)));
  }

  private Future<Void> tell(String holder, List<String> masters) {
    SocketTransactions socket = sockets.get(holder);
    if (socket == null) {
      return Future.succeededFuture();
    }
    ClientKept.Member member = new ClientKept.Member(holder, holder, "websocket", "HTTP", 0);
    List<Future<Done>> told = new ArrayList<>();
    for (String master : masters) {
      told.add(
          loop.brokers.clients(
              master, new ClientKept.Heartbeat(member, socket.groups(), List.of())));
    }
    return Future.join(told).mapEmpty();
  }

  private void hear(FrontNotice notice) {
    if (notice instanceof CheckTransaction check) {
      SocketTransactions socket = sockets.get(check.holder());
      if (socket != null) {
        socket.ask(check);
      }
    }
  }
}
