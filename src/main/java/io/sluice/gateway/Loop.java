package io.sluice.gateway;

import io.sluice.bus.Appends;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.BrokerLine;
import io.sluice.bus.OrderedRoutes;
import io.sluice.bus.Reads;
import io.sluice.bus.Requests;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.UniqueIds;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.ContextInternal;
import java.util.ArrayList;
import java.util.List;

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
  final OrderedRoutes routes;
  final GatewayCounters counters;
  final UniqueIds ids;
  final Brokers brokers;
  final Appends appends;
  final SendCollector sends;
  final Requests requests;
  final Checkbacks checkbacks;
  final Access access;

  /** Scratch for one text at a time; nothing of it may be kept over a call. */
  final JsonText json = new JsonText();

  /** Scratch for one message at a time on its way in. */
  final MessageDraft draft = new MessageDraft();

  /** Scratch for one event at a time on its way in. */
  final CloudEventReader events = new CloudEventReader();

  /** Scratch for one event at a time on its way out. */
  final CloudEventJson eventJson = new CloudEventJson();

  /** Scratch for one message at a time on its way out. */
  final MessageJson messageJson = new MessageJson();

  /** Makes plain what clients of RocketMQ have compressed, before it is written. */
  final PlainBodies bodies;

  /** Scratch for one stored message at a time. */
  final MessageView view = new MessageView();

  private final List<FrameOutput> dirty = new ArrayList<>();
  private long inFlightBytes;

  Loop(Vertx vertx, Context context, Gateway gateway) {
    this.vertx = vertx;
    this.context = context;
    this.gateway = gateway;
    options = gateway.options();
    bodies = new PlainBodies(options.maxMessageBytes());
    clock = gateway.clock();
    access = new Access(vertx, options.tokens());
    latencies = gateway.latencies();
    directory = gateway.directory();
    routes = new OrderedRoutes(directory, context);
    counters = gateway.counters();
    ids = new UniqueIds(clock.nowMs());
    long timeoutMs = options.brokerTimeout().toMillis();
    String loopId = ids.next();
    BrokerLine line = new BrokerLine(vertx, context, clock, loopId, timeoutMs);
    brokers = new Brokers(vertx, line, new Reads(vertx, context, directory), timeoutMs);
    requests = new Requests(vertx, context, directory, loopId);
    appends = new Appends(vertx, directory, routes, clock, timeoutMs, brokers::append);
    sends = new SendCollector(this);
    checkbacks = new Checkbacks(this);
  }

  /** The names of all masters; completes on this loop. */
  Future<List<String>> masters() {
    Promise<List<String>> promise = Promise.promise();
    directory.masters().onComplete(found -> context.runOnContext(ignored -> promise.handle(found)));
    return promise.future();
  }

  /** The Broker to read a topic from without a group; completes on this loop. */
  Future<String> brokerToRead(String topic) {
    Promise<String> promise = Promise.promise();
    directory
        .brokerToRead(topic)
        .onComplete(found -> context.runOnContext(ignored -> promise.handle(found)));
    return promise.future();
  }

  /** The names of all masters that have a topic; completes on this loop. */
  Future<List<String>> brokersFor(String topic) {
    Promise<List<String>> promise = Promise.promise();
    directory
        .brokersFor(topic)
        .onComplete(found -> context.runOnContext(ignored -> promise.handle(found)));
    return promise.future();
  }

  /** Runs something as this event loop's verticle; at once, as it is called on the loop. */
  void run(Runnable action) {
    ((ContextInternal) context).emit(null, ignored -> action.run());
  }

  /** Flushes a socket once, at the end of this turn, however many frames it gets until then. */
  void flushLater(FrameOutput output) {
    dirty.add(output);
    if (dirty.size() == 1) {
      context.runOnContext(ignored -> flushDirty());
    }
  }

  private void flushDirty() {
    for (int i = 0; i < dirty.size(); i++) {
      dirty.get(i).flush();
    }
    dirty.clear();
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
