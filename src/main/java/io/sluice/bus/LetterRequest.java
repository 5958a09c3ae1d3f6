package io.sluice.bus;

import io.sluice.message.MessageBlock;

/**
 * What is asked of a Broker about a group's dead letters. Goes to {@link Addresses#letters}; each
 * request names its answer.
 *
 * <p>Dead letters are the messages of the group's dead letter topic, queue 0, that were neither
 * redriven nor purged. A letter that is done with stays in the log until its retention is over, but
 * is not shown here and not redriven again.
 */
public sealed interface LetterRequest extends BusMessage {

  /** Whose dead letters. */
  String group();

  /**
   * Reads dead letters in the order they came. Answer: {@link Letters}, empty at the end.
   *
   * @param fromOffset the first offset to look at; 0 for the first there is
   * @param max at most so many
   * @param maxBytes at most so many bytes, but always at least one letter
   */
  record Browse(String group, long fromOffset, int max, int maxBytes, Filter filter)
      implements LetterRequest {}

  /**
   * Starts a job that goes through the dead letters there are now. One job of a group at a time.
   * Answer: {@link Status}, once the start is in the log; CONFLICT if a job runs.
   *
   * @param kind what happens to the letters
   * @param filter which letters; the others stay
   * @param max at most so many; 0 for all
   * @param perSecond at most so many in a second; 0 for as many as it can
   */
  record Start(String group, Kind kind, Filter filter, long max, long perSecond)
      implements LetterRequest {}

  /** How many dead letters there are, and what became of the last job. Answer: {@link Status}. */
  record GetStatus(String group) implements LetterRequest {}

  /**
   * Ends the job that runs: what it has done stays done. Answer: {@link Status}, once that is in
   * the log; CONFLICT if none runs.
   */
  record Cancel(String group) implements LetterRequest {}

  /** What a job does. */
  enum Kind {
    /** Hands the letters to their group again. */
    REDRIVE,
    /** Forgets them. */
    PURGE
  }

  /** How far a job is. */
  enum State {
    RUNNING,
    DONE,
    CANCELLED,
    FAILED
  }

  /**
   * Dead letters. The receiver closes the block.
   *
   * @param nextOffset where to go on
   * @param more whether there may be more from there on
   */
  record Letters(MessageBlock messages, long nextOffset, boolean more) implements BusMessage {}

  /**
   * How it stands.
   *
   * @param waiting dead letters that were neither redriven nor purged
   * @param job the one that runs, or the last one that did; null if there never was one
   */
  record Status(String group, long waiting, Job job) implements BusMessage {}

  /**
   * A job.
   *
   * @param id counts the jobs of the group
   * @param nextOffset it has looked at everything before this offset
   * @param endOffset it looks at nothing from this offset on
   * @param moved letters redriven or purged
   * @param passed letters that the filter did not want
   * @param stuck letters that could not be redriven, as their topic is gone: they stay
   * @param endedAtMs when it ended, or 0
   * @param detail why it failed, or null
   */
  record Job(
      long id,
      Kind kind,
      Filter filter,
      long max,
      long perSecond,
      State state,
      long startedAtMs,
      long endedAtMs,
      long nextOffset,
      long endOffset,
      long moved,
      long passed,
      long stuck,
      String detail)
      implements BusMessage {

    /** Whether it goes on. */
    public boolean isRunning() {
      return state == State.RUNNING;
    }

    /** The same job further on. */
    public Job at(long nextOffset, long moved, long passed, long stuck) {
      return new Job(
          id,
          kind,
          filter,
          max,
          perSecond,
          state,
          startedAtMs,
          endedAtMs,
          nextOffset,
          endOffset,
          moved,
          passed,
          stuck,
          detail);
    }

    /** The same job, over. */
    public Job ended(State state, long endedAtMs, String detail) {
      return new Job(
          id,
          kind,
          filter,
          max,
          perSecond,
          state,
          startedAtMs,
          endedAtMs,
          nextOffset,
          endOffset,
          moved,
          passed,
          stuck,
          detail);
    }
  }
}
