package io.sluice.testkit;

import io.sluice.util.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Many processes in one thread: a queue of events, a clock that only moves from one to the next,
 * and one source of chance. The same seed gives the same run.
 *
 * <p>An event belongs to a {@link Life}, that of the process it happens in. What belongs to a life
 * that ended does not happen; what belongs to one that is paused happens when it goes on.
 */
public final class Simulator implements Clock {

  private static final long START_MS = 1_700_000_000_000L;

  /** All chance there is in a run. */
  public final Random random;

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private long nowNs;
  private long number;
  private long digest;
  private Scope scope;

  /** A run of its own for each seed. */
  public Simulator(long seed) {
    random = new Random(seed);
  }

  /** A process from its start to its end. */
  public static final class Life {

    private final String name;
    private final ArrayDeque<Event> held = new ArrayDeque<>();
    private boolean ended;
    private boolean paused;

    /** A life that begins now. */
    public Life(String name) {
      this.name = name;
    }

    /** Whether the process is gone. */
    public boolean hasEnded() {
      return ended;
    }

    /** Whether it stands still. */
    public boolean isPaused() {
      return paused;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** A part of a process that is closed as a whole: what it left running ends with it. */
  static final class Scope {
    final List<Runnable> closers = new ArrayList<>();
  }

  /** Something that will happen. */
  public static final class Event implements Comparable<Event> {

    private final long atNs;
    private final long number;
    private final Life life;
    private final Scope scope;
    private final Runnable task;
    private boolean cancelled;

    private Event(long atNs, long number, Life life, Scope scope, Runnable task) {
      this.atNs = atNs;
      this.number = number;
      this.life = life;
      this.scope = scope;
      this.task = task;
    }

    /** It will not happen; returns whether it still would have. */
    public boolean cancel() {
      boolean before = !cancelled;
      cancelled = true;
      return before;
    }

    /** When it happens. */
    long atNs() {
      return atNs;
    }

    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(atNs, other.atNs);
      return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
  }

  @Override
  public long nowMs() {
    return START_MS + TimeUnit.NANOSECONDS.toMillis(nowNs);
  }

  @Override
  public long nowNs() {
    return nowNs;
  }

  /** Milliseconds since the run began. */
  public long elapsedMs() {
    return TimeUnit.NANOSECONDS.toMillis(nowNs);
  }

  /** Differs, with all likelihood, between two runs that were not the same. */
  public long digest() {
    return digest;
  }

  /** The part of the process whose event happens now; null if none. */
  Scope scope() {
    return scope;
  }

  /**
   * Lets something happen later; what has the same time happens in the order of these calls.
   *
   * @param life null for what is of no process
   */
  public Event after(Life life, long delayNs, Runnable task) {
    return after(life, scope, delayNs, task);
  }

  Event after(Life life, Scope of, long delayNs, Runnable task) {
    Event event = new Event(nowNs + delayNs, number++, life, of, task);
    events.add(event);
    return event;
  }

  /** As {@link #after}, in milliseconds. */
  public Event afterMs(Life life, long delayMs, Runnable task) {
    return after(life, TimeUnit.MILLISECONDS.toNanos(delayMs), task);
  }

  /** A number from one to the other, both inclusive. */
  public long between(long least, long most) {
    return least + (long) (random.nextDouble() * (most - least + 1));
  }

  /** Whether something happens that happens so many times in a hundred. */
  public boolean percent(int chance) {
    return random.nextInt(100) < chance;
  }

  /** Ends a process: nothing of it happens any more. */
  public void end(Life life) {
    life.ended = true;
    life.held.clear();
  }

  /** Stops a process in its tracks. */
  public void pause(Life life) {
    life.paused = true;
  }

  /** Lets a paused process go on with all that it missed. */
  public void resume(Life life) {
    life.paused = false;
    Event event;
    while ((event = life.held.poll()) != null) {
      Event late = new Event(nowNs, number++, life, event.scope, event.task);
      late.cancelled = event.cancelled;
      if (!late.cancelled) {
        // Whoever cancels the first one has to reach this one too.
        Event first = event;
        events.add(new Event(nowNs, late.number, life, event.scope, () -> runUnless(first)));
      }
    }
  }

  private static void runUnless(Event event) {
    if (!event.cancelled) {
      event.task.run();
    }
  }

  /**
   * Lets the next thing happen.
   *
   * @return false if there is nothing more to happen
   */
  public boolean step() {
    Event event = events.poll();
    if (event == null) {
      return false;
    }
    nowNs = Math.max(nowNs, event.atNs);
    Life life = event.life;
    if (event.cancelled || life != null && life.ended) {
      return true;
    }
    if (life != null && life.paused) {
      life.held.add(event);
      return true;
    }
    event.cancelled = true;
    digest = (digest * 31 + event.atNs) * 31 + event.number;
    scope = event.scope;
    try {
      event.task.run();
    } finally {
      scope = null;
    }
    return true;
  }
}
