package io.sluice.broker;

import io.sluice.bus.OperatorRequest;
import io.sluice.util.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * How fast topics and groups move: looks at their counts every {@value #INTERVAL_MS} ms, so that
 * counting costs an addition. What never moved takes no memory. Owned by the Broker's event loop;
 * nothing of it survives the process.
 */
final class Rates {

  /** RocketMQ's own interval. */
  static final long INTERVAL_MS = 10_000;

  /** Topics, and pairs of group and topic, that are followed: 400 bytes each, 8 MB at most. */
  private static final int MAX_SERIES = 20_000;

  private static final int MINUTE = 6;
  private static final long PER_HOUR = 60;
  private static final long PER_DAY = 360;

  /** Samples of one count over a minute, an hour and a day. */
  private static final class Series {
    private final RateWindow minute = new RateWindow(MINUTE, INTERVAL_MS);
    private final RateWindow hour = new RateWindow(6, INTERVAL_MS * PER_HOUR);
    private final RateWindow day = new RateWindow(24, INTERVAL_MS * PER_DAY);

    private void sample(long tick, long count) {
      minute.sample(count);
      if (tick % PER_HOUR == 0) {
        hour.sample(count);
      }
      if (tick % PER_DAY == 0) {
        day.sample(count);
      }
    }

    /** The long windows begin with the first sample, so they lag behind the short one at first. */
    private OperatorRequest.Rates rates() {
      OperatorRequest.Rate lastMinute = minute.rate();
      OperatorRequest.Rate lastHour = atLeast(hour.rate(), lastMinute);
      return new OperatorRequest.Rates(lastMinute, lastHour, atLeast(day.rate(), lastHour));
    }

    private static OperatorRequest.Rate atLeast(
        OperatorRequest.Rate rate, OperatorRequest.Rate shorter) {
      return rate.count() < shorter.count() ? shorter : rate;
    }
  }

  private final BrokerState state;
  private final Clock clock;
  private final LongSupplier in;
  private final LongSupplier out;
  private final Map<Object, Series> series = new HashMap<>();
  private final RateWindow inRates = new RateWindow(60, INTERVAL_MS);
  private final RateWindow outRates = new RateWindow(60, INTERVAL_MS);
  private long tick;
  private LocalDate today;
  private long inThisMorning;
  private long inYesterdayMorning;
  private long outThisMorning;
  private long outYesterdayMorning;

  /**
   * Rates of a Broker.
   *
   * @param in counts what was stored
   * @param out counts what was handed out
   */
  Rates(BrokerState state, Clock clock, LongSupplier in, LongSupplier out) {
    this.state = state;
    this.clock = clock;
    this.in = in;
    this.out = out;
  }

  /** Looks at every count. */
  void sample() {
    inRates.sample(in.getAsLong());
    outRates.sample(out.getAsLong());
    for (TopicState topic : state.topics.values()) {
      sample(topic, topic.messagesIn);
    }
    for (Consumption consumption : state.consumptions()) {
      sample(consumption, consumption.messagesOut);
    }
    if (tick % PER_HOUR == 0) {
      series.keySet().removeIf(this::isGone);
    }
    tick++;
    beginDay();
  }

  private void sample(Object of, long count) {
    Series known = series.get(of);
    if (known == null) {
      if (count == 0 || series.size() >= MAX_SERIES) {
        return;
      }
      known = new Series();
      // It stood at nothing when it was looked at last.
      known.minute.sample(0);
      known.hour.sample(0);
      known.day.sample(0);
      series.put(of, known);
    }
    known.sample(tick, count);
  }

  private boolean isGone(Object of) {
    return of instanceof TopicState topic
        ? state.topics.get(topic.name()) != topic
        : of instanceof Consumption consumption
            && state.consumption(consumption.group.name(), consumption.topic.name()) != consumption;
  }

  private void beginDay() {
    LocalDate date =
        Instant.ofEpochMilli(clock.nowMs()).atZone(ZoneId.systemDefault()).toLocalDate();
    if (today != null && !date.equals(today)) {
      inYesterdayMorning = inThisMorning;
      outYesterdayMorning = outThisMorning;
      inThisMorning = in.getAsLong();
      outThisMorning = out.getAsLong();
    }
    today = date;
  }

  /** What was stored in a topic, or null if nothing was since the start. */
  OperatorRequest.Rates of(TopicState topic) {
    return of(topic, topic == null ? 0 : topic.messagesIn);
  }

  /** What a group was given of a topic, or null if nothing was since the start. */
  OperatorRequest.Rates of(Consumption consumption) {
    return of(consumption, consumption == null ? 0 : consumption.messagesOut);
  }

  private OperatorRequest.Rates of(Object key, long count) {
    if (count == 0) {
      return null;
    }
    Series known = series.get(key);
    return known == null ? OperatorRequest.Rates.NONE : known.rates();
  }

  /** Messages stored a second over the last 10 s, minute and 10 minutes. */
  List<Double> in() {
    return threeOf(inRates);
  }

  /** Messages handed out a second over the last 10 s, minute and 10 minutes. */
  List<Double> out() {
    return threeOf(outRates);
  }

  private static List<Double> threeOf(RateWindow window) {
    return List.of(
        window.rate(1).perSecond(), window.rate(MINUTE).perSecond(), window.rate().perSecond());
  }

  long inThisMorning() {
    return inThisMorning;
  }

  long inYesterdayMorning() {
    return inYesterdayMorning;
  }

  long outThisMorning() {
    return outThisMorning;
  }

  long outYesterdayMorning() {
    return outYesterdayMorning;
  }
}
