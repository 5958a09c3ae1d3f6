package io.sluice.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.sluice.replication.Handshake.Action;
import io.sluice.replication.Handshake.Log;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Where two logs part, and what the slave is told. */
final class HandshakeTest {

  private static final EpochHistory ONE = history(1, 0, 11);
  private static final EpochHistory TWO = history(1, 0, 11, 2, 500, 12);

  @Test
  void shouldFollowWhereTheLogsAreTheSame() {
    assertAnswer(Action.FOLLOW, 300, log(TWO, 0, 900), log(ONE, 0, 300));
    assertAnswer(Action.FOLLOW, 500, log(TWO, 0, 900), log(ONE, 0, 500));
    assertAnswer(Action.FOLLOW, 700, log(TWO, 0, 900), log(TWO, 0, 700));
    assertAnswer(Action.FOLLOW, 0, log(TWO, 0, 900), log(EpochHistory.NONE, 0, 0));
  }

  @Test
  void shouldCutWhatTheMasterDoesNotHave() {
    // The old master went on in its epoch when the other was promoted at 500.
    assertAnswer(Action.CUT, 500, log(TWO, 0, 900), log(ONE, 0, 800));
    // Both began the epoch 2, each its own.
    EpochHistory other = history(1, 0, 11, 2, 450, 99);
    assertAnswer(Action.CUT, 450, log(TWO, 0, 900), log(other, 0, 470));
    // The master lost what was not forced, and began a new epoch.
    assertAnswer(Action.CUT, 250, log(history(1, 0, 11, 2, 250, 12), 0, 250), log(ONE, 0, 300));
  }

  @Test
  void shouldRestartWhereTheMasterHasNoMoreOfIt() {
    assertAnswer(Action.RESTART, 400, log(TWO, 400, 900), log(ONE, 0, 300));
    assertAnswer(Action.RESTART, 400, log(TWO, 400, 900), log(EpochHistory.NONE, 0, 0));
  }

  @Test
  void shouldRefuseWhatIsNewerOrStrange() {
    assertAnswer(Action.REFUSED, 0, log(ONE, 0, 900), log(TWO, 0, 700));
    assertAnswer(Action.REFUSED, 0, log(TWO, 0, 900), log(history(1, 0, 77), 0, 700));
    assertAnswer(Action.REFUSED, 0, log(TWO, 0, 900), log(EpochHistory.NONE, 0, 700));
  }

  @Test
  void shouldForgetEpochsThatAreEmptyOrGone() {
    EpochHistory history = TWO.begin(500, 0, 13);
    assertEquals(history(1, 0, 11, 3, 500, 13), history);
    assertEquals(history(3, 500, 13, 4, 900, 14), history.begin(900, 600, 14));
    assertNull(history.upTo(-1).last());
    assertEquals(11, history.at(499).id());
    assertEquals(13, history.at(500).id());
    assertEquals(500, history.endOf(0));
    assertEquals(Long.MAX_VALUE, history.endOf(500));
  }

  /** Logs of letters in place of bytes; each master's letters are its own. */
  @Test
  void shouldPartWhereTheBytesDo() {
    Random random = new Random(7);
    for (int round = 0; round < 2_000; round++) {
      List<Model> nodes = new ArrayList<>(List.of(new Model(), new Model(), new Model()));
      for (int step = 0; step < 12; step++) {
        Model master = nodes.get(random.nextInt(3));
        master.lose(random.nextInt(4));
        master.begin(random.nextLong());
        master.write(random.nextInt(5), random);
        for (Model slave : nodes) {
          if (slave != master && random.nextInt(3) > 0) {
            slave.follow(master, random.nextInt(6));
          }
        }
      }
      Model one = nodes.get(0);
      Model other = nodes.get(1);
      long parting =
          EpochHistory.partingPoint(
              one.history, one.bytes.length(), other.history, other.bytes.length());
      int same = 0;
      while (same < one.bytes.length()
          && same < other.bytes.length()
          && one.bytes.charAt(same) == other.bytes.charAt(same)) {
        same++;
      }
      if (parting != EpochHistory.NOTHING) {
        assertEquals(same, parting, "round " + round);
      } else {
        assertEquals(0, same, "round " + round);
      }
    }
  }

  private static final class Model {
    private EpochHistory history = EpochHistory.NONE;
    private String bytes = "";

    private void lose(int count) {
      // The epoch of what is lost stays in the file, as it was forced.
      bytes = bytes.substring(0, Math.max(0, bytes.length() - count));
    }

    private void begin(long id) {
      List<Epoch> kept = new ArrayList<>(history.epochs());
      kept.removeIf(epoch -> epoch.start() >= bytes.length());
      Epoch last = history.last();
      history = new EpochHistory(kept);
      history =
          new EpochHistory(
              java.util.stream.Stream.concat(
                      kept.stream(),
                      java.util.stream.Stream.of(
                          new Epoch(last == null ? 1 : last.number() + 1, bytes.length(), id)))
                  .toList());
    }

    private void write(int count, Random random) {
      for (int i = 0; i < count; i++) {
        bytes += (char) random.nextInt(Character.MAX_VALUE);
      }
    }

    private void follow(Model master, int most) {
      long parting =
          EpochHistory.partingPoint(master.history, master.bytes.length(), history, bytes.length());
      int place = (int) Math.max(0, parting);
      bytes = master.bytes.substring(0, Math.min(master.bytes.length(), place + most));
      history = master.history.upTo(place);
      if (bytes.length() > place) {
        history = master.history.upTo(bytes.length() - 1);
      }
    }
  }

  private static void assertAnswer(Action action, long place, Log master, Log slave) {
    Handshake.Answer answer = Handshake.decide(master, slave);
    assertEquals(action, answer.action(), answer.toString());
    assertEquals(place, answer.place());
  }

  private static Log log(EpochHistory history, long begin, long end) {
    return new Log(history, begin, end);
  }

  private static EpochHistory history(long... numbers) {
    List<Epoch> epochs = new ArrayList<>();
    for (int i = 0; i < numbers.length; i += 3) {
      epochs.add(new Epoch(numbers[i], numbers[i + 1], numbers[i + 2]));
    }
    return new EpochHistory(epochs);
  }
}
