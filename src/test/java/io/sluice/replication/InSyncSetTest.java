package io.sluice.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Who is waited for, who is in sync, and what is confirmed. */
final class InSyncSetTest {

  private static final long TIMEOUT_MS = 1_000;

  private final InSyncSet set = new InSyncSet(TIMEOUT_MS);

  @Test
  void shouldConfirmAllWhereNobodyFollows() {
    assertEquals(100, set.confirmedTo(100));
    assertEquals(0, set.inSync());
  }

  @Test
  void shouldWaitForASlaveThatIsCloseAndNotForOneThatIsFar() {
    set.connected(1, 100, 100, 0);
    assertEquals(1, set.inSync());
    assertEquals(100, set.confirmedTo(200));
    set.connected(2, 50, 200, 0);
    assertEquals(1, set.inSync());
    set.received(1, 200, 200, 10);
    assertEquals(200, set.confirmedTo(200));
  }

  @Test
  void shouldNotTakeBackWhatWasConfirmedWhenASlaveComes() {
    set.connected(1, 100, 150, 0);
    assertEquals(150, set.confirmedTo(150));
    assertEquals(180, set.confirmedTo(180));
    // It has what there was when it came, in good time: counted, and in sync with what was
    // confirmed.
    set.received(1, 150, 180, 10);
    assertEquals(180, set.confirmedTo(180));
    assertEquals(0, set.inSync());
    assertEquals(180, set.confirmedTo(300));
    set.received(1, 180, 300, 20);
    assertEquals(1, set.inSync());
    assertEquals(180, set.confirmedTo(300));
  }

  @Test
  void shouldWaitForWhoMayBeElectedUntilItIsAgreedThatItMayNot() {
    set.agree(1, new TreeSet<>(List.of(1L, 2L)));
    assertFalse(set.waitsForNobody());
    assertEquals(0, set.confirmedTo(100), "nobody is connected");
    set.connected(1, 100, 100, 0);
    set.connected(2, 60, 100, 0);
    assertEquals(60, set.confirmedTo(100));
    set.received(2, 100, 100, 10);
    assertEquals(100, set.confirmedTo(100));
    set.gone(2);
    assertEquals(100, set.confirmedTo(200), "it is gone, and may be elected all the same");
    set.received(1, 200, 200, 10);
    assertEquals(100, set.confirmedTo(200));
    set.ask(new TreeSet<>(List.of(1L)));
    assertEquals(100, set.confirmedTo(200), "asked is not agreed");
    set.agree(2, new TreeSet<>(List.of(1L)));
    assertEquals(200, set.confirmedTo(200));
    set.agree(1, new TreeSet<>(List.of(1L, 2L)));
    assertEquals(300, set.confirmedTo(300) + 100, "an older set is ignored");
  }

  @Test
  void shouldCountASlaveOnlyWhenItIsAgreedAndWaitForItBefore() {
    set.agree(1, new TreeSet<>());
    set.connected(1, 100, 100, 0);
    assertEquals(new TreeSet<>(List.of(1L)), set.wished());
    assertEquals(0, set.inSync());
    assertEquals(100, set.confirmedTo(200), "it is waited for before it is asked for");
    set.ask(set.wished());
    set.gone(1);
    assertEquals(100, set.confirmedTo(200), "the change may have come about");
    set.connected(1, 200, 200, 10);
    set.agree(2, new TreeSet<>(List.of(1L)));
    assertEquals(1, set.inSync());
  }

  @Test
  void shouldDropASlaveThatStandsStillAndTakeItBack() {
    set.connected(1, 100, 100, 0);
    set.received(1, 100, 200, 10);
    assertEquals(List.of(), set.expire(900));
    assertEquals(List.of(1L), set.expire(1_200));
    assertEquals(0, set.inSync());
    assertEquals(200, set.confirmedTo(200));
    set.received(1, 200, 200, 5_000);
    set.received(1, 200, 200, 5_001);
    assertEquals(1, set.inSync());
  }

  @Test
  void shouldKeepASlaveThatIsAlwaysAMomentBehind() {
    set.connected(1, 0, 0, 0);
    long end = 0;
    for (long nowMs = 0; nowMs < 10_000; nowMs += 10) {
      set.received(1, end, end + 50, nowMs);
      end += 50;
      assertEquals(List.of(), set.expire(nowMs));
    }
    assertTrue(set.isInSync(1));
  }

  /** Random slaves: whoever is in sync has all that is confirmed, and that never goes back. */
  @Test
  void shouldConfirmOnlyWhatAllInSyncHave() {
    for (int seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      InSyncSet some = new InSyncSet(TIMEOUT_MS);
      long[] received = new long[3];
      boolean[] connected = new boolean[3];
      long end = 0;
      long nowMs = 0;
      long confirmed = 0;
      for (int step = 0; step < 300; step++) {
        int slave = random.nextInt(3);
        nowMs += random.nextInt(300);
        switch (random.nextInt(6)) {
          case 0, 1 -> end += random.nextInt(100);
          case 2 -> {
            connected[slave] = true;
            some.connected(slave, received[slave], end, nowMs);
          }
          case 3 -> {
            connected[slave] = false;
            some.gone(slave);
          }
          default -> {
            if (connected[slave]) {
              received[slave] += random.nextInt((int) (end - received[slave]) + 1);
              some.received(slave, received[slave], end, nowMs);
            }
          }
        }
        some.expire(nowMs);
        long now = some.confirmedTo(end);
        assertTrue(now >= confirmed && now <= end, "seed " + seed);
        confirmed = now;
        for (int i = 0; i < 3; i++) {
          assertFalse(some.isInSync(i) && received[i] < confirmed, "seed " + seed);
        }
      }
    }
  }
}
