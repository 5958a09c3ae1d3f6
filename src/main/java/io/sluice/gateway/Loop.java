package io.sluice.gateway;

import io.sluice.bus.BrokerDirectory;
import io.sluice.message.UniqueIds;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Vertx;

/**
 * What the handlers of one event loop share. Owned by that loop: nothing in here is safe for
 * another thread but {@link #gateway}.
 */
final class Loop {

  final Vertx vertx;
  final Context context;
  final Gateway gateway;
  final GatewayOptions options;
  final Clock clock;
  final LatencyRecorder latencies;
  final BrokerDirectory directory;
  final GatewayCounters counters;
  final UniqueIds ids;
  final Brokers brokers;
  final SendCollector sends;

  /** Scratch for one text at a time; nothing of it may be kept over a call. */
  final JsonText json = new JsonText();

  /** Scratch for one message at a time on its way in. */
  final MessageDraft draft = new MessageDraft();

  /** Scratch for one message at a time on its way out. */
  final MessageJson messageJson = new MessageJson();

  private long inFlightBytes;

  Loop(Vertx vertx, Context context, Gateway gateway) {
    this.vertx = vertx;
    this.context = context;
    this.gateway = gateway;
    options = gateway.options();
    clock = gateway.clock();
    latencies = gateway.latencies();
    directory = gateway.directory();
    counters = gateway.counters();
    ids = new UniqueIds(clock.nowMs());
    brokers = new Brokers(vertx, options.brokerTimeout().toMillis());
    sends = new SendCollector(this);
  }

  /** Whether so many bytes more may be taken in now. */
  boolean hasRoomFor(long bytes) {
    return inFlightBytes + bytes <= options.maxInFlightBytes();
  }

  /** Counts bytes taken in. */
  void taken(long bytes) {
    inFlightBytes += bytes;
  }

  /** Counts bytes answered. */
  void answered(long bytes) {
    inFlightBytes -= bytes;
  }
}
