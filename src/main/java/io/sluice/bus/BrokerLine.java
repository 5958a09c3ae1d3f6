package io.sluice.bus;

import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The line from one event loop of a front to the Brokers. What is asked in one turn travels as one
 * {@link RequestBundle}, and so do the answers that come up in one turn of a Broker: with thousands
 * of subscribers the event bus is passed a few times for each message, not thousands of times. A
 * request that waits costs a place in a table here, no timer and no address of its own.
 *
 * <p>Each request gets exactly one answer: the Broker's, or a failure if the Broker does not take
 * the bundle or does not answer in time. Requests to one Broker arrive in the order they were made.
 *
 * <p>Owned by the event loop it was made on.
 */
public final class BrokerLine {

  private static final System.Logger LOG = System.getLogger(BrokerLine.class.getName());

  /** How often overdue requests are looked for; a timeout is late by this much at most. */
  private static final long LOOK_MS = 500;

  /** By then the event bus knows that the process is gone. */
  private static final long AFTER_LEAVING_MS = 300;

  /** A Broker that lives takes a bundle at once. */
  private static final long FIND_OUT_MS = 3_000;

  private static final int PLACE_BITS = 24;
  private static final int MAX_PLACES = 1 << PLACE_BITS;

  /** Hears what became of one request; called once. */
  public interface Asker<T extends BusMessage> {

    /**
     * The answer.
     *
     * @param reply or null if it failed
     * @param failure why it failed, or null
     */
    void answered(T reply, SluiceException failure);
  }

  private final Vertx vertx;
  private final Context context;
  private final Clock clock;
  private final DeliveryOptions delivery;
  private final String repliesTo;
  private final List<Parcel> parcels = new ArrayList<>(1);
  private boolean scheduled;

  // Requests without an answer yet, by place. A number is the place and, above it, how often the
  // place was used, so that an answer that comes too late finds nobody.
  private Asker<?>[] askers = new Asker<?>[16];
  private long[] numbers = new long[16];
  private long[] deadlinesMs = new long[16];
  private String[] brokers = new String[16];
  private int[] free = new int[16];
  private int freeCount;
  private int used;
  private int waiting;

  /**
   * A line; to be made on its event loop, within a verticle, which ends it.
   *
   * @param loopId unique in the cluster
   * @param timeoutMs for a Broker to say that it has a bundle
   */
  public BrokerLine(Vertx vertx, Context context, Clock clock, String loopId, long timeoutMs) {
    this.vertx = vertx;
    this.context = context;
    this.clock = clock;
    delivery = BusCodec.options(timeoutMs);
    repliesTo = Addresses.replies(loopId);
    vertx.eventBus().consumer(repliesTo, this::replied);
    vertx.setPeriodic(LOOK_MS, id -> failOverdue());
    vertx
        .eventBus()
        .<ClusterNotice>localConsumer(
            Addresses.membership(), message -> memberChanged(message.body()));
  }

  /** Requests that wait for their answers. */
  public int waiting() {
    return waiting;
  }

  /**
   * Asks at the end of this turn.
   *
   * @param timeoutMs from now until the answer
   */
  public <T extends BusMessage> void ask(
      String broker, BusMessage request, long timeoutMs, Asker<T> asker) {
    if (waiting == MAX_PLACES) {
      asker.answered(
          null,
          new SluiceException(
              ErrorCode.BUSY,
              waiting + " requests wait for their answers, which is the most; try again later"));
      return;
    }
    long number = number(asker, clock.nowMs() + timeoutMs);
    brokers[(int) number & (MAX_PLACES - 1)] = broker;
    parcel(broker).add(number, request);
    if (!scheduled) {
      scheduled = true;
      context.runOnContext(nothing -> flush());
    }
  }

  private void flush() {
    scheduled = false;
    for (int i = 0; i < parcels.size(); i++) {
      Parcel parcel = parcels.get(i);
      if (parcel.count > 0) {
        send(parcel.broker, parcel.take(repliesTo));
      }
    }
  }

  private void send(String broker, RequestBundle bundle) {
    vertx
        .eventBus()
        .request(Addresses.bundles(broker), bundle, delivery)
        .onFailure(
            failure -> {
              SluiceException reason = SluiceException.of(failure);
              for (long number : bundle.numbers()) {
                answer(number, null, reason);
              }
            });
  }

  /**
   * A Broker that died with its process answers nothing any more; whoever waits for it, often for a
   * minute, should know. Each Broker that somebody waits for is sent an empty bundle.
   */
  private void memberChanged(ClusterNotice notice) {
    if (notice instanceof ClusterNotice.MemberChanged changed && !changed.joined()) {
      vertx.setTimer(
          AFTER_LEAVING_MS,
          id -> {
            Set<String> asked = new HashSet<>();
            for (int place = 0; place < used; place++) {
              if (askers[place] != null && asked.add(brokers[place])) {
                findOut(brokers[place]);
              }
            }
          });
    }
  }

  private void findOut(String broker) {
    // Those that are asked from now on may go to a Broker that has started meanwhile.
    long[] before = numbers.clone();
    int last = used;
    vertx
        .eventBus()
        .request(
            Addresses.bundles(broker),
            new RequestBundle(repliesTo, new long[0], List.of()),
            BusCodec.options(FIND_OUT_MS))
        .onFailure(
            failure -> {
              SluiceException reason = SluiceException.of(failure);
              for (int place = 0; place < last; place++) {
                if (askers[place] != null
                    && numbers[place] == before[place]
                    && broker.equals(brokers[place])) {
                  answer(
                      numbers[place],
                      null,
                      new SluiceException(ErrorCode.BROKER_UNAVAILABLE, reason.getMessage()));
                }
              }
            });
  }

  private void replied(Message<ReplyBundle> message) {
    ReplyBundle bundle = message.body();
    long[] all = bundle.numbers();
    for (int i = 0; i < all.length; i++) {
      answer(all[i], bundle.replies().get(i), bundle.failures().get(i));
    }
  }

  @SuppressWarnings("unchecked") // the contract names the reply of each request
  private void answer(long number, BusMessage reply, SluiceException failure) {
    int place = (int) number & (MAX_PLACES - 1);
    if (place >= used || numbers[place] != number || askers[place] == null) {
      if (reply != null) {
        reply.drop();
      }
      return;
    }
    Asker<BusMessage> asker = (Asker<BusMessage>) askers[place];
    askers[place] = null;
    free[freeCount++] = place;
    waiting--;
    try {
      asker.answered(reply, failure);
    } catch (RuntimeException e) {
      // A fault in one must not keep the others from their answers.
      LOG.log(Level.ERROR, "could not take the answer of a Broker", e);
    }
  }

  private void failOverdue() {
    long nowMs = clock.nowMs();
    int last = used;
    for (int place = 0; place < last; place++) {
      if (askers[place] != null && deadlinesMs[place] < nowMs) {
        answer(
            numbers[place],
            null,
            new SluiceException(ErrorCode.TIMEOUT, "the Broker has not answered in time"));
      }
    }
  }

  private long number(Asker<?> asker, long deadlineMs) {
    int place;
    if (freeCount > 0) {
      place = free[--freeCount];
    } else {
      place = used++;
      if (place == askers.length) {
        int room = place * 2;
        askers = Arrays.copyOf(askers, room);
        numbers = Arrays.copyOf(numbers, room);
        deadlinesMs = Arrays.copyOf(deadlinesMs, room);
        brokers = Arrays.copyOf(brokers, room);
        free = Arrays.copyOf(free, room);
      }
      numbers[place] = place;
    }
    waiting++;
    askers[place] = asker;
    deadlinesMs[place] = deadlineMs;
    numbers[place] += MAX_PLACES;
    return numbers[place];
  }

  private Parcel parcel(String broker) {
    for (int i = 0; i < parcels.size(); i++) {
      if (parcels.get(i).broker.equals(broker)) {
        return parcels.get(i);
      }
    }
    Parcel made = new Parcel(broker);
    parcels.add(made);
    return made;
  }

  /** What goes to one Broker at the end of the turn. */
  private static final class Parcel {

    private final String broker;
    private long[] numbers = new long[4];
    private List<BusMessage> requests;
    private int count;

    Parcel(String broker) {
      this.broker = broker;
    }

    void add(long number, BusMessage request) {
      if (count == 0) {
        requests = new ArrayList<>();
      }
      if (count == numbers.length) {
        numbers = Arrays.copyOf(numbers, count * 2);
      }
      numbers[count++] = number;
      requests.add(request);
    }

    RequestBundle take(String repliesTo) {
      RequestBundle bundle = new RequestBundle(repliesTo, Arrays.copyOf(numbers, count), requests);
      requests = null;
      count = 0;
      return bundle;
    }
  }
}
