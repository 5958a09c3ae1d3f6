package io.sluice.broker;

import io.sluice.broker.StateChange.LetterJobBecame;
import io.sluice.broker.StateChange.LettersGone;
import io.sluice.bus.Filter;
import io.sluice.bus.LetterRequest.Job;
import io.sluice.bus.LetterRequest.Kind;
import io.sluice.bus.LetterRequest.State;

/** The bytes of changes of dead letters, for {@link StateCodec}: kinds 40 to 49. */
final class LetterCodec {

  private static final int LETTERS_GONE = 40;
  private static final int LETTER_JOB_BECAME = 41;

  private LetterCodec() {}

  /** Writes a change, if it is one of these. */
  static boolean write(ByteWriter out, StateChange change) {
    if (change instanceof LettersGone gone) {
      out.writeByte(LETTERS_GONE);
      out.writeText(gone.group());
      out.writeNumber(gone.firstOffset());
      out.writeNumber(gone.count());
      return true;
    }
    if (change instanceof LetterJobBecame became) {
      out.writeByte(LETTER_JOB_BECAME);
      out.writeText(became.group());
      write(out, became.job());
      return true;
    }
    return false;
  }

  /** Reads a change of one of these kinds. */
  static StateChange read(int kind, ByteReader in) {
    return switch (kind) {
      case LETTERS_GONE -> new LettersGone(in.readText(), in.readNumber(), in.readNumber());
      case LETTER_JOB_BECAME -> new LetterJobBecame(in.readText(), readJob(in));
      default ->
          throw new IllegalArgumentException("the state has a change of unknown kind " + kind);
    };
  }

  private static void write(ByteWriter out, Job job) {
    out.writeNumber(job.id());
    out.writeByte(job.kind().ordinal());
    out.writeByte(job.filter().kind().ordinal());
    out.writeText(job.filter().expression());
    out.writeNumber(job.max());
    out.writeNumber(job.perSecond());
    out.writeByte(job.state().ordinal());
    out.writeNumber(job.startedAtMs());
    out.writeNumber(job.endedAtMs());
    out.writeNumber(job.nextOffset());
    out.writeNumber(job.endOffset());
    out.writeNumber(job.moved());
    out.writeNumber(job.passed());
    out.writeNumber(job.stuck());
    out.writeText(job.detail() == null ? "" : job.detail());
  }

  private static Job readJob(ByteReader in) {
    long id = in.readNumber();
    Kind kind = Kind.values()[in.readByte()];
    Filter.Kind filterKind = Filter.Kind.values()[in.readByte()];
    Filter filter = new Filter(filterKind, in.readText());
    long max = in.readNumber();
    long perSecond = in.readNumber();
    State state = State.values()[in.readByte()];
    long startedAtMs = in.readNumber();
    long endedAtMs = in.readNumber();
    long nextOffset = in.readNumber();
    long endOffset = in.readNumber();
    long moved = in.readNumber();
    long passed = in.readNumber();
    long stuck = in.readNumber();
    String detail = in.readText();
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
        detail.isEmpty() ? null : detail);
  }
}
