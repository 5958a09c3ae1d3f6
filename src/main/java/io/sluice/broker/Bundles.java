package io.sluice.broker;

import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ReplyBundle;
import io.sluice.bus.RequestBundle;
import io.sluice.bus.SluiceException;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.MessageProducer;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Takes requests that come in bundles, and sends their answers in bundles: those of one turn to one
 * front travel together. Owned by the Broker's event loop.
 */
final class Bundles {

  private static final System.Logger LOG = System.getLogger(Bundles.class.getName());

  /** Only the hand-over is waited for. */
  private static final long HAND_OVER_MS = 5_000;

  /** Takes one request of a bundle. */
  interface Taker {

    /** Answers it now or later, or throws why not. */
    void take(BusMessage request, Answer<BusMessage> answer);
  }

  private final Vertx vertx;
  private final Turn turn;
  private final Taker taker;
  private final Map<String, Outbox> outboxes = new HashMap<>();
  private final List<Outbox> filled = new ArrayList<>();

  Bundles(Vertx vertx, Turn turn, Taker taker) {
    this.vertx = vertx;
    this.turn = turn;
    this.taker = taker;
  }

  /** Takes a bundle. */
  void take(RequestBundle bundle) {
    Outbox outbox = outboxes.computeIfAbsent(bundle.repliesTo(), Outbox::new);
    List<BusMessage> requests = bundle.requests();
    for (int i = 0; i < requests.size(); i++) {
      Slot slot = new Slot(outbox, bundle.numbers()[i]);
      outbox.open++;
      try {
        taker.take(requests.get(i), slot);
      } catch (SluiceException e) {
        slot.fail(e);
      } catch (RuntimeException e) {
        LOG.log(Level.ERROR, "could not answer " + requests.get(i), e);
        slot.fail(SluiceException.of(e));
      }
    }
  }

  /** Sends the answers there are. The last step of the turn. */
  void flush() {
    for (int i = 0; i < filled.size(); i++) {
      filled.get(i).flush();
    }
    filled.clear();
  }

  /** Forgets the fronts that wait for nothing. */
  void forgetIdle() {
    outboxes.values().removeIf(outbox -> outbox.open == 0 && outbox.count == 0);
  }

  /** Who is owed one answer. */
  private final class Slot implements Answer<BusMessage> {

    private final Outbox outbox;
    private final long number;

    Slot(Outbox outbox, long number) {
      this.outbox = outbox;
      this.number = number;
    }

    @Override
    public void succeed(BusMessage value) {
      outbox.add(number, value, null);
    }

    @Override
    public void fail(SluiceException failure) {
      outbox.add(number, null, failure);
    }
  }

  /** What goes to one event loop of a front. */
  private final class Outbox {

    private final MessageProducer<BusMessage> producer;
    private long[] numbers = new long[8];
    private List<BusMessage> replies = new ArrayList<>();
    private List<SluiceException> failures = new ArrayList<>();
    private int count;
    private int open;

    Outbox(String address) {
      producer = vertx.eventBus().sender(address, BusCodec.options(HAND_OVER_MS));
    }

    void add(long number, BusMessage reply, SluiceException failure) {
      if (count == 0) {
        filled.add(this);
        turn.requestUnlessEnding();
      }
      if (count == numbers.length) {
        numbers = Arrays.copyOf(numbers, count * 2);
      }
      numbers[count++] = number;
      replies.add(reply);
      failures.add(failure);
      open--;
    }

    void flush() {
      ReplyBundle bundle = new ReplyBundle(Arrays.copyOf(numbers, count), replies, failures);
      replies = new ArrayList<>();
      failures = new ArrayList<>();
      count = 0;
      // A front that has gone takes nothing; its holders are given back by those who watch it.
      producer.write(bundle).onFailure(gone -> bundle.drop());
    }
  }
}
