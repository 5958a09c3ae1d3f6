package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.bus.SluiceException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Those that order things by time: waits, and arrivals. */
class TimesTest {

  @Property(tries = 100)
  void shouldEndWaitsInTheOrderOfTheirTimes(@ForAll long seed) {
    Random random = new Random(seed);
    WaiterTimes times = new WaiterTimes();
    List<Waiter> model = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      if (model.isEmpty() || random.nextInt(3) > 0) {
        Waiter waiter = new Nobody(random.nextInt(50));
        model.add(waiter);
        times.add(waiter);
      } else {
        times.remove(model.remove(random.nextInt(model.size())));
      }
      long earliest =
          model.stream().mapToLong(waiter -> waiter.deadlineMs).min().orElse(Long.MAX_VALUE);
      assertEquals(earliest, times.earliestMs());
      assertEquals(model.size(), times.size());
    }
  }

  @Test
  void shouldFindTheRequestThatAMessageCameWith() {
    ArrivalTimes arrivals = new ArrivalTimes();
    assertEquals(-1, arrivals.find(0));
    for (int i = 0; i < 10_000; i++) {
      arrivals.add(i * 100L, i, 2L * i);
    }
    assertEquals(-1, arrivals.find(0));
    for (long offset : new long[] {999_900, 999_950, 700_001, 1_500_000}) {
      long request = arrivals.find(offset);
      long expected = Math.min(offset / 100, 9_999);
      assertEquals(expected, arrivals.receivedNs(request));
      assertEquals(2 * expected, arrivals.appendedNs(request));
    }
  }

  private static final class Nobody extends Waiter {
    private Nobody(long deadlineMs) {
      this.deadlineMs = deadlineMs;
    }

    @Override
    boolean isReading() {
      return false;
    }

    @Override
    void answerEmpty() {
      throw new AssertionError("nobody is answered");
    }

    @Override
    void fail(SluiceException failure) {
      throw new AssertionError("nobody is answered");
    }
  }
}
