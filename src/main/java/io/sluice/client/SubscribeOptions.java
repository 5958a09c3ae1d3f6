package io.sluice.client;

import io.sluice.bus.Filter;
import io.sluice.bus.StartPosition;
import java.time.Duration;

/** How messages are received; each has a default. */
public final class SubscribeOptions {

  /** Messages handled at the same time, if not said otherwise. */
  public static final int DEFAULT_CONCURRENCY = 64;

  /** How long a handler has for a message, if not said otherwise. */
  public static final Duration DEFAULT_INVISIBLE = Duration.ofSeconds(30);

  /** Ways to consume. */
  public enum Mode {
    /** Each message goes to one member of the group. */
    SHARED,
    /** As shared, but in order within a queue: the next one is handled when the one before is. */
    ORDERED,
    /** Each subscription gets every message; nothing is settled, a failure is not tried again. */
    BROADCAST,
    /** As broadcast, without a group. */
    READER
  }

  private Mode mode = Mode.SHARED;
  private Filter filter = Filter.ALL;
  private StartPosition from;
  private int concurrency = DEFAULT_CONCURRENCY;
  private Duration invisible = DEFAULT_INVISIBLE;

  /** The defaults. */
  public SubscribeOptions() {}

  /** A copy. */
  public SubscribeOptions(SubscribeOptions other) {
    mode = other.mode;
    filter = other.filter;
    from = other.from;
    concurrency = other.concurrency;
    invisible = other.invisible;
  }

  public Mode getMode() {
    return mode;
  }

  /** Sets the way to consume. */
  public SubscribeOptions setMode(Mode mode) {
    this.mode = mode;
    return this;
  }

  public Filter getFilter() {
    return filter;
  }

  /** Sets which messages are wanted. */
  public SubscribeOptions setFilter(Filter filter) {
    this.filter = filter;
    return this;
  }

  /** Sets which messages are wanted, by tags: {@code A || B}, or {@code *}. */
  public SubscribeOptions setTags(String expression) {
    return setFilter(Filter.tags(expression));
  }

  /** Sets which messages are wanted, by a SQL92 condition over their properties. */
  public SubscribeOptions setSql(String condition) {
    return setFilter(new Filter(Filter.Kind.SQL, condition));
  }

  /** Where to start; by default a new group at the earliest message, a reader at the latest. */
  public StartPosition getFrom() {
    if (from != null) {
      return from;
    }
    return mode == Mode.BROADCAST || mode == Mode.READER
        ? StartPosition.LATEST
        : StartPosition.EARLIEST;
  }

  /** Sets where a group without a position, or a reader, starts. */
  public SubscribeOptions setFrom(StartPosition from) {
    this.from = from;
    return this;
  }

  public int getConcurrency() {
    return concurrency;
  }

  /**
   * Sets how many messages may be with the handler at the same time.
   *
   * @param concurrency 1 to 65,536
   */
  public SubscribeOptions setConcurrency(int concurrency) {
    if (concurrency < 1 || concurrency > 65_536) {
      throw new IllegalArgumentException(
          "concurrency is " + concurrency + "; allowed is 1 to 65536");
    }
    this.concurrency = concurrency;
    return this;
  }

  public Duration getInvisible() {
    return invisible;
  }

  /**
   * Sets how long a message is kept from others while it is handled; then it comes again.
   *
   * @param invisible 1 ms or more
   */
  public SubscribeOptions setInvisible(Duration invisible) {
    if (invisible.toMillis() < 1) {
      throw new IllegalArgumentException("invisible is " + invisible + "; allowed is 1 ms or more");
    }
    this.invisible = invisible;
    return this;
  }
}
