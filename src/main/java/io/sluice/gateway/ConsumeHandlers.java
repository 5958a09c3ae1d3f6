package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.Receipt;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.metrics.Stage;
import io.vertx.core.http.HttpHeaders;
import java.io.IOException;
import java.util.List;

/**
 * Receives messages for a group, and settles them. Static; each call is owned by its event loop.
 */
final class ConsumeHandlers {

  static final List<String> RECEIVE_FIELDS =
      List.of("max", "maxBytes", "wait", "invisible", "filter", "ordered");

  static final int DEFAULT_MAX = 32;
  static final int MAX_MAX = 1024;
  static final int DEFAULT_MAX_BYTES = 1 << 20;

  /** One answer is built in memory as a whole. */
  static final int MAX_MAX_BYTES = 16 << 20;

  static final long DEFAULT_WAIT_MS = 20_000;
  static final long MAX_WAIT_MS = 300_000;
  static final long DEFAULT_INVISIBLE_MS = 30_000;

  /**
   * A long poll asks the Broker for so long at a time. A client that has gone is noticed at the
   * next turn, so at most one more batch is leased for nobody, and that one is given back at once.
   */
  private static final long SLICE_MS = 5_000;

  /** The same where several masters have the topic. */
  private static final long TURN_MS = 200;

  /** Asked again after a Broker was found to be gone. */
  private static final long RETRY_MS = 250;

  private static final CharSequence EVENTS =
      HttpHeaders.createOptimized(CloudEvent.BATCH_TYPE + "; charset=utf-8");

  private ConsumeHandlers() {}

  /** POST /v1/groups/{group}/topics/{topic}/receive. */
  static void receive(Call call) {
    call.query();
    SluiceHeaders.readPlain(call.request.headers());
    Receive receive = new Receive(call, call.group(), call.topic());
    call.jsonBody(RECEIVE_FIELDS, receive::take, receive::start);
  }

  /** POST /v1/groups/{group}/settle. */
  static void settle(Call call) {
    call.query();
    SluiceHeaders.readPlain(call.request.headers());
    String group = call.group();
    Settlements settlements = new Settlements();
    call.jsonBody(
        Settlements.FIELDS,
        settlements::take,
        () ->
            call.await(
                settlements.settle(call.loop.brokers, group),
                ignored -> {
                  call.loop.counters.settled.add(settlements.count());
                  call.json(
                      200,
                      out -> {
                        out.raw("{\"results\":");
                        settlements.writeResults(out);
                        out.raw('}');
                      });
                }));
  }

  /** One long poll. */
  private static final class Receive {

    private final Call call;
    private final Loop loop;
    private final String group;
    private final String topic;
    private int max = DEFAULT_MAX;
    private int maxBytes = DEFAULT_MAX_BYTES;
    private long waitMs = DEFAULT_WAIT_MS;
    private long invisibleMs = DEFAULT_INVISIBLE_MS;
    private Filter filter = Filter.ALL;
    private boolean ordered;
    private int masters = 1;
    private int turns;
    private long endNs;

    Receive(Call call, String group, String topic) {
      this.call = call;
      this.group = group;
      this.topic = topic;
      loop = call.loop;
    }

    boolean take(String name, JsonParser parser) throws IOException {
      switch (name) {
        case "max" -> max = (int) Fields.number(name, parser, 1, MAX_MAX);
        case "maxBytes" -> maxBytes = (int) Fields.number(name, parser, 1, MAX_MAX_BYTES);
        case "wait" -> waitMs = Fields.durationMs(name, parser, 0, MAX_WAIT_MS);
        case "invisible" ->
            invisibleMs = Fields.durationMs(name, parser, 1, Settlements.MAX_INVISIBLE_MS);
        case "filter" -> filter = Filters.read(name, parser);
        case "ordered" -> ordered = Fields.bool(name, parser);
        default -> {
          return false;
        }
      }
      return true;
    }

    void start() {
      if (loop.gateway.waiting().incrementAndGet() > loop.options.maxWaiting()) {
        loop.gateway.waiting().decrementAndGet();
        throw new SluiceException(
            ErrorCode.BUSY,
            "there are " + loop.options.maxWaiting() + " calls waiting, which is the most");
      }
      call.connection.begin();
      endNs = loop.clock.nowNs() + waitMs * 1_000_000;
      loop.routes.brokerFor(topic).onSuccess(this::ask).onFailure(this::fail);
    }

    /** Where several masters have the topic: each at once, then a short time at each in turn. */
    private String nextBroker(String broker) {
      List<String> known = loop.directory.cachedBrokersFor(topic);
      if (known == null || known.isEmpty()) {
        return broker;
      }
      masters = known.size();
      turns++;
      return known.get((known.indexOf(broker) + 1) % masters);
    }

    private long sliceMs() {
      if (masters == 1) {
        return SLICE_MS;
      }
      return turns < masters ? 0 : TURN_MS;
    }

    private void ask(String broker) {
      List<String> known = loop.directory.cachedBrokersFor(topic);
      masters = known == null || known.isEmpty() ? 1 : known.size();
      long leftMs = Math.max(0, (endNs - loop.clock.nowNs()) / 1_000_000);
      loop.brokers
          .receive(
              broker,
              new ReceiveRequest(
                  group,
                  topic,
                  max,
                  maxBytes,
                  Math.min(leftMs, sliceMs()),
                  invisibleMs,
                  filter,
                  ordered,
                  StartPosition.EARLIEST,
                  null))
          .onSuccess(reply -> received(broker, reply))
          .onFailure(failure -> failedAt(broker, failure));
    }

    /** Nothing was received of a Broker that is gone: another may have the topic now. */
    private void failedAt(String broker, Throwable failure) {
      boolean gone = loop.directory.mayAskAgain(SluiceException.of(failure).code());
      boolean inTime = endNs - loop.clock.nowNs() > RETRY_MS * 1_000_000;
      if (!gone || !inTime || call.response.closed() || loop.gateway.draining()) {
        fail(failure);
        return;
      }
      loop.directory.forget(topic);
      loop.vertx.setTimer(
          RETRY_MS,
          ignored -> loop.routes.brokerFor(topic).onSuccess(this::ask).onFailure(this::fail));
    }

    private void received(String broker, ReceiveReply reply) {
      long receivedNs = loop.clock.nowNs();
      MessageBlock block = reply.messages();
      if (block.count() == 0) {
        block.close();
        goOn(broker);
      } else if (call.response.closed()) {
        done();
        giveBack(broker, nacks(reply));
        block.close();
      } else {
        done();
        answer(broker, reply, receivedNs);
      }
    }

    private void goOn(String broker) {
      if (call.response.closed()) {
        done();
      } else if (loop.gateway.draining()
          || (endNs - loop.clock.nowNs() < 1_000_000 && turns + 1 >= masters)) {
        done();
        Answers.empty(call.response);
      } else {
        ask(nextBroker(broker));
      }
    }

    private void answer(String broker, ReceiveReply reply, long receivedNs) {
      MessageBlock block = loop.bodies.plain(reply.messages());
      int count = block.count();
      long bytes = 0;
      boolean events = wantsEvents();
      JsonText out = loop.json.clear().raw(events ? "[" : "{\"messages\":[");
      MessageView view = new MessageView();
      for (int i = 0; i < count; i++) {
        block.view(i, view);
        bytes += view.size();
        String receipt =
            Receipt.toText(
                group, broker, topic, view.queueId(), view.queueOffset(), reply.leases()[i]);
        out.raw(i == 0 ? "" : ",");
        if (events) {
          loop.eventJson.write(out, view, topic, receipt, reply.attempts()[i]);
          continue;
        }
        out.raw("{\"receipt\":").string(receipt).raw(',');
        loop.messageJson.write(out, view, topic, reply.attempts()[i]);
        out.raw('}');
      }
      SettleRequest nacks = nacks(reply);
      block.close();
      loop.counters.messagesOut.add(count);
      loop.counters.bytesOut.add(bytes);
      call.response
          .setStatusCode(200)
          .putHeader(HttpHeaders.CONTENT_TYPE, events ? EVENTS : Answers.JSON)
          .end(out.raw(events ? "]" : "]}").toBuffer())
          .onComplete(
              written -> {
                if (written.failed()) {
                  giveBack(broker, nacks);
                  return;
                }
                long nowNs = loop.clock.nowNs();
                loop.latencies.record(Stage.DELIVERY, nowNs - receivedNs, count);
                if (reply.receivedNs() != 0) {
                  loop.latencies.record(Stage.END_TO_END, nowNs - reply.receivedNs(), count);
                }
              });
    }

    /** Whether the client asked for a batch of CloudEvents. */
    private boolean wantsEvents() {
      String accept = call.request.headers().get(HttpHeaders.ACCEPT);
      return accept != null && accept.contains("application/cloudevents");
    }

    /** The client has gone: others may have the messages at once. The attempt is counted. */
    private void giveBack(String broker, SettleRequest nacks) {
      loop.brokers.settle(broker, nacks);
    }

    /** What gives the messages back; made while their records may still be read. */
    private SettleRequest nacks(ReceiveReply reply) {
      SettleRequest nacks = new SettleRequest(group);
      MessageView view = new MessageView();
      for (int i = 0; i < reply.messages().count(); i++) {
        reply.messages().view(i, view);
        nacks.add(
            SettleRequest.Kind.NACK,
            topic,
            view.queueId(),
            view.queueOffset(),
            reply.leases()[i],
            0,
            null);
      }
      return nacks;
    }

    private void fail(Throwable failure) {
      loop.directory.forget(topic);
      done();
      call.fail(failure);
    }

    private void done() {
      loop.gateway.waiting().decrementAndGet();
      call.connection.end();
    }
  }
}
